package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/queue"
	"github.com/tipstaff/tipstaff/shared/session/backchannel"
	"github.com/tipstaff/tipstaff/shared/token"
)

// work processes one due notice.
func (r *run) work(ctx context.Context, n *backchannel.Entry) (outcome, error) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < reserve {
		return left, nil
	}
	c, err := r.Clients.Client(ctx, n.Payload.Client)
	switch {
	case errors.Is(err, client.ErrUnknown):
		return r.abandon(ctx, n, "the client is gone")
	case err != nil:
		return left, err
	case c.Disabled || c.BackChannelURI == "":
		return r.abandon(ctx, n, "the client does not want to know any more")
	case !r.allowed(c.BackChannelURI):
		return r.abandon(ctx, n, "the address of the client is not one that we call")
	case r.isSilent(n.Payload.Client):
		if r.over(ctx, n) {
			return r.abandon(ctx, n, "the client does not answer")
		}
		return left, nil
	}
	return r.deliver(ctx, c, n)
}

// deliver takes the notice, sends it, and removes it when the client has answered. Take
// schedules the next try. So a failure needs no write, and a run that dies here counts as
// a failure.
func (r *run) deliver(ctx context.Context, c *client.Client, n *backchannel.Entry) (outcome, error) {
	logout, err := r.Tokens.Logout(ctx, token.LogoutRequest{
		Subject: n.Payload.Subject, ClientID: c.ID, Algorithm: c.IDTokenAlgorithm, SessionID: n.Payload.Session, ID: n.ID,
	})
	if err != nil {
		return left, err
	}
	err = r.Notices.Take(ctx, n, r.next(ctx, n))
	if errors.Is(err, queue.ErrTaken) {
		return left, nil
	}
	if err != nil {
		return left, err
	}
	status, err := r.send(ctx, c.BackChannelURI, logout)
	if err == nil && (status == http.StatusOK || status == http.StatusNoContent) {
		return delivered, r.Notices.Done(ctx, n)
	}
	// A client that refuses this notice may accept the next one.
	if err != nil || status/100 != 4 {
		r.fellSilent(n.Payload.Client)
	}
	if r.over(ctx, n) {
		return r.abandon(ctx, n, answered(status, err))
	}
	return failed, nil
}

// abandon removes a notice, unless another run works on it.
func (r *run) abandon(ctx context.Context, n *backchannel.Entry, why string) (outcome, error) {
	err := r.Notices.Abandon(ctx, n, why)
	if errors.Is(err, queue.ErrTaken) {
		return left, nil
	}
	if err != nil {
		return left, err
	}
	return abandoned, nil
}

// answered returns the reason of a failure for the audit entry. It leaves the error of the
// client's server out, because its text is untrusted.
func answered(status int, err error) string {
	if err != nil {
		return "the client does not answer"
	}
	return fmt.Sprintf("the client answers %d", status)
}

const (
	// A notice is tried for the time of life. The pauses between the tries begin with
	// pause. Each is four times the last one, and at most longest.
	life    = 24 * time.Hour
	pause   = time.Minute
	longest = 12 * time.Hour
)

// over reports whether the try at this time is the last one.
func (r *run) over(ctx context.Context, n *backchannel.Entry) bool {
	return r.Now(ctx).Sub(n.Written()) >= life
}

// next returns when to try again if this try fails. The last try is at the end of the
// notice's life.
func (r *run) next(ctx context.Context, n *backchannel.Entry) time.Time {
	now, wait := r.Now(ctx), pause
	for range n.Tries {
		wait = min(4*wait, longest)
	}
	next, last := now.Add(wait), n.Written().Add(life)
	if next.After(last) && now.Before(last) {
		return last
	}
	return next
}

// send posts a logout token and returns the status of the answer (OIDC Back-Channel Logout
// §2.5). It ignores the rest of the answer.
func (r *run) send(ctx context.Context, address, logout string) (status int, err error) {
	body := strings.NewReader(url.Values{"logout_token": {logout}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", "tipstaff")
	response, err := r.HTTP.Do(request)
	if err != nil {
		return 0, err
	}
	_ = response.Body.Close() // the client has answered
	return response.StatusCode, nil
}

// allowed reports whether the task may call an address: https, or plain http on this machine
// if our issuer has plain http, which is so on a developer's machine only.
func (r *run) allowed(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	switch u.Scheme {
	case "https":
		return true
	case "http":
		host := u.Hostname()
		return strings.HasPrefix(r.Tokens.Issuer, "http://") && (host == "localhost" || host == "127.0.0.1" || host == "::1")
	}
	return false
}
