package enroll

import (
	"errors"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/roster"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// asksCode reports whether a code is needed beside the link.
func (v *visit) asksCode() bool { return v.user.OTP && !v.ticket.ResetOTP }

// recover takes the choice of somebody who is here. The error formErr says that the
// form is not one of ours, nil that it is.
func (h *Handler) recover(v *visit, formErr error) error {
	if formErr != nil {
		return h.refused(v, web.Choose{}, &problem{text: web.ExpiredForm, why: formErr})
	}
	c, err := h.chosen(v, v.user.UserName, v.user.Name, v.user.Email)
	if p, ok := errors.AsType[*problem](err); ok {
		return h.refused(v, web.Choose{}, p)
	}
	if err != nil {
		return err
	}
	// What was made stays made while the code is not right.
	page := web.Choose{Made: c.made}
	code, err := h.code(v)
	if p, ok := errors.AsType[*problem](err); ok {
		return h.refused(v, page, p)
	}
	if err != nil {
		return err
	}
	err = h.change(v, c, code)
	also, beside := errors.AsType[*session.AlsoError](err)
	switch {
	case errors.Is(err, session.ErrStale), errors.Is(err, session.ErrUnknown), beside && also.Index == placeLink:
		return h.lost(v, err, func() error { return h.choose(v, http.StatusConflict, web.Choose{Problem: web.TryAgain}) })
	case beside && also.Index < placeChoice+len(c.writes):
		return h.refused(v, web.Choose{}, &problem{text: web.UnusablePasskey, why: err})
	case beside && code != nil:
		h.Codes.Refused(v.r, v.user)
		return h.refused(v, page, wrongCode(err))
	case err != nil:
		return err
	}
	return h.enter(v, c, code)
}

// code judges the code that is needed beside the link; nil when none is. The error is
// a *problem, or a fault of ours.
func (h *Handler) code(v *visit) (*signin.Code, error) {
	if !v.asksCode() {
		return nil, nil // none is needed
	}
	code, err := h.Codes.Check(v.r, v.user, v.r.PostForm.Get("code"))
	if limit, limited := errors.AsType[*throttle.LimitError](err); limited {
		return nil, &problem{text: web.TooManyTries, wait: limit.RetryAfter, why: err}
	}
	if errors.Is(err, signin.ErrCode) {
		return nil, wrongCode(err)
	}
	return code, err
}

func wrongCode(why error) *problem { return &problem{text: web.WrongCode, field: "code", why: why} }

// change gives the person what they chose and ends all of their sessions, in one
// transaction with all that it uses up: the link, a challenge, a code.
func (h *Handler) change(v *visit, c *choice, code *signin.Code) error {
	ctx, request := v.ctx(), httpapi.RequestID(v.ctx())
	cause := session.Cause{Why: session.Recovered, Actor: v.user.Subject, RequestID: request}
	var change roster.Change
	if c.key == nil {
		var err error
		store := &roster.Store{Store: h.People, Actor: v.user.Subject}
		if change, err = store.Password(ctx, v.user, c.password); err != nil {
			return err
		}
		cause.Action = audit.UserPassword
	}
	change.Also = slices.Concat([]types.TransactWriteItem{placeLink: v.ticket.Use()}, c.writes)
	if code != nil {
		change.Also = append(change.Also, code.Also...)
	}
	if v.user.OTP && v.ticket.ResetOTP {
		change.Remove = identity.AttrOTP
		change.Also = append(change.Also, h.Codes.OTP.Removal(v.user.Subject), h.People.Trail.Put(audit.Entry{
			Actor: v.ticket.Actor, Action: audit.OTPRemove, Subject: v.user.Subject, Object: "user#" + v.user.Subject,
			Outcome: audit.Success, RequestID: request,
		}))
	}
	_, err := h.Door.Sessions.ChangeUser(ctx, v.user.Subject, session.UserChange(change.While(v.user)), cause)
	return err
}

// enter signs the person in with what they have chosen.
func (h *Handler) enter(v *visit, c *choice, code *signin.Code) error {
	user, err := h.People.Get(v.ctx(), v.user.Subject)
	if err != nil {
		return err
	}
	e := signin.Entry{User: user, AMR: c.amr}
	if code != nil {
		_, e.Remember = signin.Device(v.r)
		code.Succeeded(v.ctx(), e.Remember)
		if c.key == nil {
			e.AMR = signin.SecondStep(c.amr)
		}
	}
	return h.in(v, e)
}

// in opens the door. Whoever lost all sessions once more in this very moment signs in
// with what they have now.
func (h *Handler) in(v *visit, e signin.Entry) error {
	err := h.Door.Enter(v.w, v.r, e)
	if errors.Is(err, session.ErrStale) {
		signin.Again(v.w, v.r, "", "", err)
		return nil
	}
	return err
}
