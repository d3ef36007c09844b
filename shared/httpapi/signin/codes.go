package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

// Codes checks second steps: codes of authenticator apps, and recovery codes. Every
// route that accepts a code uses it. So guesses of one user's codes share one
// allowance, which is charged before a code is looked at.
type Codes struct {
	Throttle *throttle.Store
	OTP      *otp.Store
	Refusals *audit.Refusals
}

// kindSecondStep is the kind of the throttle's allowance for second steps.
const kindSecondStep = "second step"

// ErrCode is returned when a code is not the user's, not of this moment, or was used.
var ErrCode = errors.New("the code is wrong or was used")

// Code is a code that is right. Its Use uses it up, and belongs into the transaction
// of the sign-in or change. That transaction fails with [otp.ErrUsed] if another
// request used the code first.
type Code struct {
	*otp.Accepted
	reserved *throttle.Reservation
}

// Check judges a code of u as the user typed it. The error is a
// [*throttle.LimitError], [ErrCode], or a fault of ours. A refusal is in the audit
// trail.
func (c *Codes) Check(r *http.Request, u *identity.User, typed string) (*Code, error) {
	ctx := r.Context()
	known, _ := KnownBrowser(r)
	reserved, err := c.Throttle.Reserve(ctx, throttle.Attempt{
		Kind: kindSecondStep, Account: u.Subject, Address: r.RemoteAddr, KnownBrowser: known,
	})
	if err != nil {
		return nil, err
	}
	accepted, err := c.OTP.Check(ctx, u, typed)
	if errors.Is(err, otp.ErrWrong) || errors.Is(err, otp.ErrUsed) || errors.Is(err, otp.ErrNone) {
		c.Refused(r, u)
		return nil, errors.Join(ErrCode, err)
	}
	if err != nil {
		return nil, err
	}
	return &Code{Accepted: accepted, reserved: reserved}, nil
}

// Refused leaves an entry of a code that was not accepted. [Codes.Check] does this for
// its own refusals. A caller does it for a code that another request used up first.
func (c *Codes) Refused(r *http.Request, u *identity.User) {
	Refused(r, c.Refusals, u.Subject, otp.MethodApp)
}

// Refused leaves an entry of a sign-in that was refused to a user who exists. An empty
// method stands for a password. The user sees the entry among their recent activity.
func Refused(r *http.Request, to *audit.Refusals, subject, method string) {
	ctx := r.Context()
	err := to.Record(ctx, audit.Entry{
		Actor: subject, Action: audit.LoginRefuse, Subject: subject, Object: contract.UserPrefix.Of(subject),
		RequestID: httpapi.RequestID(ctx), Detail: session.NewClientInfo(r.RemoteAddr, r.UserAgent()).Detail("method", method),
	})
	if err != nil {
		httpapi.Note(ctx).AuditFailures++
	}
}

// Succeeded reports to the throttle that the code was used, in the browser with that
// name. An empty name makes no browser known.
func (c *Code) Succeeded(ctx context.Context, browser string) {
	// The sign-in is complete. A counter that was not reset is no reason to refuse the
	// user.
	if err := c.reserved.Succeeded(ctx, browser); err != nil {
		httpapi.Note(ctx).Error = err.Error()
	}
}

// KnownBrowser returns the name of the browser in its cookie, by which the throttle
// may know it. It also returns the name to remember the browser by after it has signed
// in: the same, or a new one.
func KnownBrowser(r *http.Request) (known, remember string) {
	fresh := rand.Text()
	known = websec.Cookie(r, websec.BrowserCookie)
	if len(known) != len(fresh) {
		known = ""
	}
	return known, cmp.Or(known, fresh)
}
