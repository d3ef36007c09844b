package account

import (
	"context"
	"errors"

	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/web"
)

// purposePasskey is the purpose to which the challenges for new passkeys are bound,
// together with the browser and the session.
const purposePasskey = "account passkey"

// showPasskey shows the page on which the browser creates a passkey.
func (v *visit) showPasskey(problem string) error {
	ctx := v.r.Context()
	u, err := v.user()
	if err != nil {
		return err
	}
	existing, err := v.Passkeys.Store.List(ctx, u.Subject)
	if err != nil {
		return err
	}
	who := passkey.Person{Subject: u.Subject, UserName: u.UserName, Name: u.Name}
	options, err := v.Passkeys.Create(ctx, who, existing, v.binding(purposePasskey))
	if errors.Is(err, passkey.ErrTooMany) {
		return v.refuse(web.PasskeyLimit, err)
	}
	if err != nil {
		return err
	}
	token, err := v.Forms.Token(ctx, v.w, v.r, purpose(v.login))
	if err != nil {
		return err
	}
	page := web.AddPasskey{CSRF: token, Options: options, Name: passkey.CleanName(v.r.PostForm.Get("name")), Problem: problem}
	return v.answer(page, problem)
}

// addPasskey stores the passkey that an authenticator has made. A form that was sent
// twice gets the same answer both times.
func (v *visit) addPasskey() error {
	ctx := v.r.Context()
	response := v.r.PostForm.Get("passkey")
	if response == "" { // sent with the Enter key
		return v.showPasskey(web.NoPasskeyYet)
	}
	made, err := v.Passkeys.Attest(ctx, passkey.Registration{
		Answer: passkey.Answer{
			Response: response, Binding: v.binding(purposePasskey), RequestID: httpapi.RequestID(ctx),
		},
		Subject: v.login.Subject, Name: v.r.PostForm.Get("name"), Device: v.from().Agent,
	})
	if err == nil {
		err = v.Credentials.AddPasskey(ctx, v.change(), made)
	}
	if errors.Is(err, passkey.ErrRefused) && made != nil {
		has, listErr := v.passkey(ctx, made.ID())
		if listErr != nil {
			return listErr
		}
		if has != nil {
			return v.done(donePasskey)
		}
	}
	return v.made(err)
}

// made answers the registration of a passkey.
func (v *visit) made(err error) error {
	switch {
	case err == nil:
		return v.done(donePasskey)
	case errors.Is(err, passkey.ErrTooMany):
		return v.refuse(web.PasskeyLimit, err)
	case errors.Is(err, passkey.ErrExpired):
		v.note(err)
		return v.showPasskey(web.SlowPasskey)
	case errors.Is(err, passkey.ErrRefused):
		v.note(err)
		return v.showPasskey(web.RefusedPasskey)
	}
	return err
}

// passkey returns the passkey of the user with an id, or nil.
func (v *visit) passkey(ctx context.Context, id string) (*passkey.Passkey, error) {
	p, err := v.Passkeys.Store.Get(ctx, v.login.Subject, id)
	if errors.Is(err, passkey.ErrUnknown) {
		return nil, nil // there is none
	}
	return p, err
}

func (v *visit) renamePasskey() error {
	form := v.r.PostForm
	err := v.Credentials.RenamePasskey(v.r.Context(), v.change(), form.Get("id"), form.Get("name"))
	if errors.Is(err, passkey.ErrUnknown) {
		return v.refuse(web.PasskeyGone, err)
	}
	if err != nil {
		return err
	}
	return v.done(doneRenamed)
}

// removePasskey removes a passkey, if there is another way to sign in.
func (v *visit) removePasskey() error {
	err := v.Credentials.RemovePasskey(v.r.Context(), v.change(), v.r.PostForm.Get("id"))
	return v.removed(err, donePasskeyRemoved)
}
