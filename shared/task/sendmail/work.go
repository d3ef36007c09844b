package sendmail

import (
	"context"
	"errors"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/recovery"
	"github.com/tipstaff/tipstaff/shared/mail"
	"github.com/tipstaff/tipstaff/shared/queue"
)

const (
	// tries is how often a request is tried. The first pause is that of the schedule. Each
	// is four times the one before: the last try is an hour and a half after the first,
	// within recovery.Life.
	tries = 5
	pause = time.Minute
	// reserve is the remaining time of a run that allows a last try: for the mail, and for
	// recording its result.
	reserve = 15 * time.Second
)

// next returns when to try again if this try fails.
func (r *run) next(ctx context.Context, request *recovery.Entry) time.Time {
	wait := pause
	for range request.Tries {
		wait *= 4
	}
	return r.Now(ctx).Add(wait)
}

// work processes one due request. Again reports that a later request of the same user
// replaces it.
func (r *run) work(ctx context.Context, request *recovery.Entry, again bool) (outcome, error) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < reserve {
		return left, nil
	}
	switch {
	case request.Payload.Subject == "" || again || r.Mail == nil:
		return r.drop(ctx, request)
	case request.Tries >= tries:
		return r.abandon(ctx, request, "a try was not finished")
	case r.Now(ctx).Sub(request.Written()) >= recovery.Life:
		return r.abandon(ctx, request, "it was too late")
	}
	u, err := r.People.Get(ctx, request.Payload.Subject)
	switch {
	case errors.Is(err, identity.ErrUnknown), err == nil && (u.Disabled || u.Email == "" || !u.EmailVerified):
		return r.drop(ctx, request)
	case err != nil:
		return left, err
	}
	return r.send(ctx, request, u)
}

func (r *run) drop(ctx context.Context, request *recovery.Entry) (outcome, error) {
	if err := r.Requests.Done(ctx, request); err != nil {
		return left, err
	}
	return dropped, nil
}

// send takes the request, makes a link, sends it, and removes the request. Take schedules the
// next try. So a failure needs no write, and a run that dies here counts as a failure.
func (r *run) send(ctx context.Context, request *recovery.Entry, u *identity.User) (outcome, error) {
	err := r.Requests.Take(ctx, request, r.next(ctx, request))
	if errors.Is(err, queue.ErrTaken) {
		return left, nil
	}
	if err != nil {
		return left, err
	}
	err = r.write(ctx, u)
	if err == nil {
		return sent, r.Requests.Done(ctx, request)
	}
	if request.Tries >= tries || errors.Is(err, mail.ErrMessage) {
		o, abandonErr := r.abandon(ctx, request, "the mail could not be sent")
		return o, errors.Join(err, abandonErr)
	}
	return failed, err
}

// write sends a link to a user.
func (r *run) write(ctx context.Context, u *identity.User) error {
	_, text, err := r.OneTime.Create(ctx, onetime.New{Kind: onetime.Recover, User: u, Actor: contract.SendMail.Name, By: "mail"})
	if err != nil {
		return err
	}
	link := onetime.URL(r.Issuer, onetime.Recover, text)
	return r.Mail.Send(ctx, mail.Recovery(u.Email, r.Issuer, u.UserName, link, onetime.RecoverLife))
}

// abandon removes a request, unless another run works on it.
func (r *run) abandon(ctx context.Context, request *recovery.Entry, why string) (outcome, error) {
	err := r.Requests.Abandon(ctx, request, why)
	if errors.Is(err, queue.ErrTaken) {
		return left, nil
	}
	if err != nil {
		return left, err
	}
	return abandoned, nil
}
