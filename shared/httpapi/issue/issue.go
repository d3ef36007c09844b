// Package issue makes the tokens of a grant: the first ones, and those of the
// refresh_token grant (RFC 6749 §6), which is the same at POST /token and at POST
// /refresh. There a client presents a refresh token and gets an access token and the
// next refresh token.
//
// A refresh consumes the token that it presents. So a request that is wrong in itself
// is refused before. Scope and resource can be wrong in a way that only the grant
// shows. A request that may be wrong in that way costs one read more, and every other
// one exactly one write.
package issue

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Issuer makes the tokens of the grants that users have given to clients.
type Issuer struct {
	Sessions *session.Store
	Handles  *session.Handles
	Audience *audience.Resolver
	Tokens   *token.Minter
	// Proofs judges the keys that clients prove.
	Proofs *dpop.Verifier
	Now    func(context.Context) time.Time
}

// Issued are the tokens that a client gets.
type Issued struct {
	Grant        *session.Grant
	Access       *token.Token
	Scope        string
	RefreshToken string // empty for a client that may not use one
	IDToken      string // empty without the scope openid
	// Bound reports that the access token is bound to a key.
	Bound bool
}

// Response returns the token response for a client that keeps its refresh token
// itself.
func (r *Issued) Response() oauth.TokenResponse {
	answer := oauth.TokenResponse{
		AccessToken:  r.Access.Value,
		TokenType:    oauth.TokenTypeBearer,
		ExpiresIn:    int64(r.Access.Lifetime.Seconds()),
		Scope:        r.Scope,
		RefreshToken: r.RefreshToken,
		IDToken:      r.IDToken,
	}
	if r.Bound {
		answer.TokenType = oauth.TokenTypeDPoP
	}
	return answer
}

// AnswerPage answers a page of c, with the refresh token in a cookie.
func (h *Issuer) AnswerPage(ctx context.Context, w http.ResponseWriter, c *client.Client, r *Issued) {
	g := r.Grant
	websec.SetRefresh(w, c.ID, r.RefreshToken, g.Absolute.Sub(h.Now(ctx)))
	answer := r.Response()
	answer.RefreshToken = ""
	answer.Session = &oauth.SessionTimes{Expires: g.Absolute.Unix(), IdleExpires: min(g.Idle.Unix(), g.Absolute.Unix())}
	httpapi.Answer(w, http.StatusOK, answer)
}

// Extra has the values that the first tokens of a grant depend on, besides the grant.
type Extra struct {
	// Nonce goes into the ID token, if there is one.
	Nonce string
	// JKT is the key that the client proved, to which the access token is
	// bound; empty for none.
	JKT string
	// Resources are the resource parameters of the request.
	Resources []string
}

// Plan judges a request for the first tokens of a grant that does not exist yet. It
// returns the idle time and the lifetime of the grant. The grant of a client that
// cannot refresh lives as long as its one access token.
func (h *Issuer) Plan(ctx context.Context, c *client.Client, granted audience.Granted, resources []string) (idle, absolute time.Duration, err error) {
	t, _, err := h.Audience.Within(ctx, c, granted, resources, "")
	if err != nil {
		return 0, 0, final(err, "")
	}
	if !c.MayUse(oauth.GrantRefreshToken) {
		return t.Lifetime, t.Lifetime, nil
	}
	return lifeOf(c.Idle, client.DefaultIdle), lifeOf(c.Absolute, client.DefaultAbsolute), nil
}

// Begin makes the first tokens of a grant that was just created. If the client must
// prove a key, the caller has checked before that it did.
func (h *Issuer) Begin(ctx context.Context, c *client.Client, g *session.Grant, x Extra) (*Issued, error) {
	if c.RequireDPoP && x.JKT == "" {
		return nil, oauth.Refuse(oauth.InvalidDPoPProof, "the client must prove a key")
	}
	begun, err := h.issue(ctx, c, g, order{resources: x.Resources, jkt: x.JKT, nonce: x.Nonce})
	if err != nil || !c.MayUse(oauth.GrantRefreshToken) {
		return begun, err
	}
	begun.RefreshToken, err = h.Handles.Mint(ctx, g.Subject, g.ID, g.Generation)
	if err != nil {
		return nil, err
	}
	return begun, nil
}

// Serve answers a client that identified itself and sends its refresh token in
// the form.
func (h *Issuer) Serve(w http.ResponseWriter, r *http.Request, c *client.Client) error {
	issued, err := h.Refresh(r, c, r.PostForm.Get("refresh_token"), r.PostForm)
	if err != nil {
		return err
	}
	httpapi.Answer(w, http.StatusOK, issued.Response())
	return nil
}

// Refresh exchanges the presented refresh token, under the scope and resource
// parameters of form. The error is invalid_grant if the token is finally of no use to
// c. After any other error the token is unchanged.
func (h *Issuer) Refresh(r *http.Request, c *client.Client, presented string, form url.Values) (*Issued, error) {
	ctx := r.Context()
	if presented == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "refresh_token is missing")
	}
	if !c.MayUse(oauth.GrantRefreshToken) {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the client may not use this grant_type")
	}
	old, err := h.Handles.Parse(ctx, presented)
	if err != nil {
		return nil, final(err, "")
	}
	note := httpapi.Note(ctx)
	note.Subject, note.Session = old.Subject, old.Grant
	jkt, err := h.Proofs.Optional(r, c)
	if err != nil {
		return nil, err
	}
	if err := h.foresee(ctx, c, old, form); err != nil {
		return nil, err
	}
	grant, outcome, err := h.Sessions.Refresh(ctx, session.RefreshRequest{
		Handle: old, Client: c.ID, Bound: !c.Public(), JKT: jkt,
		Idle: lifeOf(c.Idle, client.DefaultIdle), Grace: c.Grace,
		ClientInfo: session.NewClientInfo(r.RemoteAddr, r.UserAgent()), RequestID: httpapi.RequestID(ctx),
	})
	count(note, outcome, err)
	if err != nil {
		return nil, final(err, jkt)
	}
	issued, err := h.issue(ctx, c, grant, order{resources: form["resource"], scope: form.Get("scope"), jkt: jkt})
	if err != nil {
		return nil, err
	}
	issued.RefreshToken, err = h.Handles.Next(ctx, old)
	if err != nil {
		return nil, err
	}
	return issued, nil
}

// count notes the outcome of a refresh.
func count(note *httpapi.LogEntry, outcome session.Outcome, err error) {
	note.Outcome = string(outcome)
	switch outcome {
	case session.Rotated:
		note.Rotated = 1
	case session.Replayed:
		note.Replayed = 1
	}
	if _, reused := errors.AsType[*session.ReuseError](err); reused {
		note.Outcome, note.Reused = "reused", 1
	}
}

// foresee refuses what the grant does not cover, before the token is consumed.
// It reads nothing when the request asks for all that was granted.
func (h *Issuer) foresee(ctx context.Context, c *client.Client, old session.Handle, form url.Values) error {
	if form.Get("scope") == "" && !ambiguous(c, form["resource"]) {
		return nil
	}
	grant, err := h.Sessions.Grant(ctx, old.Subject, old.Grant)
	if err != nil {
		return final(err, "")
	}
	if grant.Client != c.ID {
		return final(fmt.Errorf("grant %s: it is another client's: %w", grant.ID, session.ErrEnded), "")
	}
	_, _, err = h.terms(ctx, c, grant, order{resources: form["resource"], scope: form.Get("scope")})
	return err
}

// ambiguous reports whether only the grant can tell if it covers the resources.
// A client with access to one resource has nothing else to ask for, and many
// clients name it in every request.
func ambiguous(c *client.Client, resources []string) bool {
	for _, r := range resources {
		if r == "" {
			continue
		}
		id, err := client.NormalizeResource(r)
		if err != nil || len(c.Access) != 1 || id != c.Access[0].Resource {
			return true
		}
	}
	return false
}
