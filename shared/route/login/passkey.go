package login

import (
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// binding returns the value in a browser that the challenge of our page is bound to.
// It also binds the form to the browser, as the token does for the form with the
// password.
func binding(name string) string { return "sign in\x00" + name }

// byPasskey are the authentication methods of a sign-in with a passkey: the user has
// the passkey, and a PIN or a biometric check showed that they are its owner.
var byPasskey = []string{oauth.AMRKey, oauth.AMRUser, oauth.AMRMultiple}

// passkey takes the form with the answer of a passkey. Its answer to an unknown
// passkey is the same as that to a wrong signature.
func (h *Handler) passkey(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	page := asked(r.PostForm.Get)
	page.Problem = web.WrongPasskey
	proved, err := h.Passkeys.Verify(ctx, passkey.Answer{
		Response: r.PostForm.Get("passkey"), Binding: binding(websec.Cookie(r, websec.FormCookie)), RequestID: httpapi.RequestID(ctx),
	})
	if off, ok := errors.AsType[*passkey.DisabledError](err); ok {
		// The user has proved who they are, so they may know that they are disabled.
		return h.Flow.SignIn(w, r, signin.Proof{User: off.User})
	}
	if errors.Is(err, passkey.ErrExpired) {
		page.Problem = web.SlowPasskey
		return h.again(w, r, page, err)
	}
	if errors.Is(err, passkey.ErrRefused) || errors.Is(err, passkey.ErrUnknown) {
		h.recordPasskey(r, err)
		return h.again(w, r, page, err)
	}
	if err != nil {
		return err
	}
	err = h.Flow.SignIn(w, r, signin.Proof{
		User: proved.User, AMR: byPasskey, Also: proved.Also, Return: page.Return, To: page.To,
	})
	if errors.Is(err, session.ErrStale) {
		signin.StartOver(w, r, page.Return, page.To, err)
		return nil
	}
	if errors.Is(err, passkey.ErrRefused) {
		// The answer came twice, or the passkey was removed in between.
		return h.again(w, r, page, err)
	}
	return err
}

// recordPasskey leaves an entry of a passkey that failed to prove its claim about a
// user who exists.
func (h *Handler) recordPasskey(r *http.Request, why error) {
	refused, ok := errors.AsType[*passkey.RefusedError](why)
	if ok && refused.Subject != "" {
		signin.Refused(r, h.Auth.Refusals, refused.Subject, "passkey")
	}
}
