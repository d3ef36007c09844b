package enroll

import (
	"errors"

	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/credential"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// choice is the authenticator that the user chose: a password, or a passkey.
type choice struct {
	credential.Choice
	// made is the passkey as the browser sent it.
	made string
	// amr are the authentication methods of a user who has just set it.
	amr []string
}

// problem is the reason why a choice was refused, as a text for the user, and the
// field of the form that it is about.
type problem struct {
	text, field string
	why         error
}

func (p *problem) Error() string { return p.why.Error() }
func (p *problem) Unwrap() error { return p.why }

// chosen reads the choice from the form. The password may be none of the names. The
// error is a *problem, or a fault of ours.
func (h *Handler) chosen(v *visit, names ...string) (*choice, error) {
	form := v.r.PostForm
	if made := form.Get("passkey"); made != "" {
		return h.madePasskey(v, made)
	}
	password := form.Get("password")
	if password == "" {
		return nil, &problem{text: web.NoChoice, field: "password", why: errors.New("nothing was chosen")}
	}
	if password != form.Get("again") {
		return nil, &problem{text: web.DifferentPasswords, field: "again", why: errors.New("the passwords differ")}
	}
	err := admin.CheckPassword(password, names...)
	if weak, ok := errors.AsType[*admin.WeakError](err); ok {
		return nil, &problem{text: web.WeakPassword(weak.Reason), field: "password", why: err}
	}
	if err != nil {
		return nil, err
	}
	return &choice{Choice: credential.Choice{Password: password}, amr: []string{oauth.AMRPassword}}, nil
}

// madePasskey validates a passkey that the browser made for this link.
func (h *Handler) madePasskey(v *visit, made string) (*choice, error) {
	key, err := h.Passkeys.Attest(v.ctx(), passkey.Registration{
		Answer:  passkey.Answer{Response: made, Binding: v.binding(), RequestID: httpapi.RequestID(v.ctx())},
		Subject: v.ticket.Subject, Device: session.NewClientInfo(v.r.RemoteAddr, v.r.UserAgent()).Agent,
	})
	switch {
	case errors.Is(err, passkey.ErrExpired):
		return nil, &problem{text: web.SlowPasskey, why: err}
	case errors.Is(err, passkey.ErrRefused):
		return nil, &problem{text: web.UnusablePasskey, why: err}
	case err != nil:
		return nil, err
	}
	if v.user != nil {
		existing, err := h.Passkeys.Store.List(v.ctx(), v.user.Subject)
		if err != nil {
			return nil, err
		}
		if len(existing) >= passkey.Max {
			return nil, &problem{text: web.TooManyPasskeys, why: passkey.ErrTooMany}
		}
	}
	return &choice{
		Choice: credential.Choice{Passkey: key}, made: made, amr: []string{oauth.AMRKey, oauth.AMRUser, oauth.AMRMultiple},
	}, nil
}

// choose shows the page on which the user chooses an authenticator. It fills in the
// fields that are the same for an invitation and a recovery.
func (h *Handler) choose(v *visit, status int, page web.Choose) error {
	var err error
	if page.CSRF, err = h.Forms.Token(v.ctx(), v.w, v.r, v.purpose()); err != nil {
		return err
	}
	who := passkey.Person{Subject: v.ticket.Subject, UserName: page.UserName, Name: page.Name}
	var existing []passkey.Passkey
	if v.user != nil {
		page.UserName, page.Code = v.user.UserName, v.asksCode()
		who.UserName, who.Name = v.user.UserName, v.user.Name
		if existing, err = h.Passkeys.Store.List(v.ctx(), who.Subject); err != nil {
			return err
		}
	}
	page.Link = v.link
	if page.Made == "" {
		page.Options, err = h.Passkeys.Create(v.ctx(), who, existing, v.binding())
		if err != nil && !errors.Is(err, passkey.ErrTooMany) {
			return err
		}
	}
	web.Render(v.w, status, page)
	return nil
}

// refused shows the page once more, with the problem.
func (h *Handler) refused(v *visit, page web.Choose, p *problem) error {
	page.Problem, page.Field = p.text, p.field
	var status int
	status, page.RetryAfter = httpapi.Again(v.w, v.r, oauth.InvalidGrant, p)
	return h.choose(v, status, page)
}
