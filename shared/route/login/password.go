package login

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

// methods are the authentication methods of a user after the right password.
var methods = []string{oauth.AMRPassword}

// errPassword is returned when no user may sign in with this name and password.
var errPassword = errors.New("user name or password is wrong")

// attempt is one attempt to sign in.
type attempt struct {
	userName, password string
	// known is the name of the browser in its cookie, and remember the name that it is
	// known by afterwards. Both are empty for a client that is no browser.
	known, remember string
}

// signIn runs create for the user if the password proves them. The error is a
// [*throttle.LimitError], errPassword, or the failure of a call.
//
// create fails with [session.ErrStale] if the user was disabled or signed out
// everywhere after they were read; the read may also have been outdated. Then the
// password is checked once more against the current user.
func (h *Handler) signIn(r *http.Request, a attempt, create func(*identity.User) error) error {
	ctx := r.Context()
	reserved, err := h.Throttle.Reserve(ctx, throttle.Attempt{Account: a.userName, Address: r.RemoteAddr, KnownBrowser: a.known})
	if err != nil {
		return err
	}
	user, err := h.People.Find(ctx, a.userName)
	if err != nil && !errors.Is(err, identity.ErrUnknown) {
		return err
	}
	err = h.check(ctx, user, a.password, create)
	if errors.Is(err, session.ErrStale) {
		if user, err = h.People.Get(ctx, user.Subject); err != nil && !errors.Is(err, identity.ErrUnknown) {
			return err
		}
		err = h.check(ctx, user, a.password, create)
	}
	if errors.Is(err, session.ErrStale) {
		err = errPassword
	}
	if errors.Is(err, errPassword) {
		h.record(r, user, a.userName)
	}
	_, second := errors.AsType[*secondError](err)
	if err != nil && !second {
		return err
	}
	// The password was right. A counter that was not reset is no reason to refuse the
	// user.
	if err := reserved.Succeeded(ctx, a.remember); err != nil {
		httpapi.Note(ctx).Error = err.Error()
	}
	return err
}

// check runs create if the password is right. A nil user stands for an unknown user
// name, which takes the same time.
func (h *Handler) check(ctx context.Context, user *identity.User, password string, create func(*identity.User) error) error {
	ok, rehash, err := h.People.Check(ctx, user, password)
	if err != nil {
		return err
	}
	if !ok {
		return errPassword
	}
	note := httpapi.Note(ctx)
	note.Subject = user.Subject
	if err := create(user); err != nil {
		return err
	}
	if rehash {
		if err := h.People.Rehash(ctx, user, password, httpapi.RequestID(ctx)); err != nil {
			note.Error = err.Error()
		}
	}
	return nil
}

// record leaves an entry of a wrong password for a user who exists. For an unknown
// user name it takes the same time and leaves nothing.
func (h *Handler) record(r *http.Request, user *identity.User, userName string) {
	if user != nil {
		signin.Refused(r, h.Auth.Refusals, user.Subject, "")
		return
	}
	if err := h.pretend(r.Context(), userName); err != nil {
		httpapi.Note(r.Context()).AuditFailures++
	}
}

// pretend counts under a pseudonym: users type their password into the wrong field,
// and the table must not hold it.
func (h *Handler) pretend(ctx context.Context, userName string) error {
	key, err := h.Throttle.Key(ctx)
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("stranger\x00" + strings.ToLower(userName)))
	return h.Auth.Refusals.Pretend(ctx, contract.UnknownPrefix.Of(hex.EncodeToString(mac.Sum(nil)[:16])))
}
