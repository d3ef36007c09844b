package authorize

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/consenttext"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// allowed reports whether the client has the consent of the user. If the user has to
// be asked first, it shows the consent page and reports false.
func (v *visit) allowed(ctx context.Context, l *session.Login) (bool, error) {
	if v.decision.made() {
		return v.decided(ctx, l)
	}
	needed, err := v.mustAsk(ctx, l)
	if err != nil || !needed {
		return !needed, err
	}
	if v.request.Prompt.None {
		return false, oauth.Refuse(oauth.ConsentRequired, "the person has to allow this")
	}
	return false, v.ask(ctx, l, "")
}

// mustAsk reports whether the user has to be asked for consent. First-party clients
// need none, and a consent that was given before is remembered. A self-registered
// client always asks: its identity is not verified, so no consent is stored for it.
func (v *visit) mustAsk(ctx context.Context, l *session.Login) (bool, error) {
	c := v.request.Client
	switch {
	case v.request.Prompt.Consent:
		return true, nil
	case c.FirstParty:
		return false, nil
	case c.SelfRegistered:
		return true, nil
	}
	covered, err := v.Consents.Covers(ctx, v.place(l), strings.Fields(v.request.Granted.Scope))
	return !covered, err
}

func (v *visit) place(l *session.Login) consent.Place {
	return consent.Place{
		Subject: l.Subject, Client: v.request.Client.ID, RedirectURI: v.request.Registered, Resources: v.request.Granted.Resources,
	}
}

// decided takes the user's answer. The answer is valid only for the question that
// was shown: this request with all that it grants, in this browser and session.
func (v *visit) decided(ctx context.Context, l *session.Login) (bool, error) {
	err := v.Forms.Check(ctx, v.r, v.purposeConsent(l), v.decision.csrf)
	if errors.Is(err, websec.ErrForm) {
		note := httpapi.Note(ctx)
		note.Code, note.Error = string(oauth.InvalidRequest), err.Error()
		return false, v.ask(ctx, l, web.ExpiredForm)
	}
	if err != nil {
		return false, err
	}
	if v.decision.choice != web.Allow {
		return false, oauth.Refuse(oauth.AccessDenied, "the person did not allow it")
	}
	if c := v.request.Client; c.FirstParty || c.SelfRegistered {
		return true, nil
	}
	return true, v.Consents.Give(ctx, v.place(l), strings.Fields(v.request.Granted.Scope), httpapi.RequestID(ctx))
}

// purposeConsent ties the consent form to the session and to the whole request.
func (v *visit) purposeConsent(l *session.Login) string {
	r := v.request
	hash := sha256.New()
	for _, part := range append([]string{v.query, r.Client.ID, r.RedirectURI, r.Granted.Scope}, r.Granted.Resources...) {
		sum := sha256.Sum256([]byte(part))
		hash.Write(sum[:])
	}
	return "authorize consent " + l.ID + " " + hex.EncodeToString(hash.Sum(nil))
}

// ask shows the consent page, with status 400 when there was a problem with the last
// answer. A user who turns out to be signed out, see [userauth.Browser.User], is sent
// to sign in.
func (v *visit) ask(ctx context.Context, l *session.Login, problem string) error {
	user, err := v.Browser.User(ctx, l)
	if errors.Is(err, userauth.ErrSignedOut) {
		return v.signIn(ctx)
	}
	if err != nil {
		return err
	}
	page := v.page()
	page.Who, page.Problem = user.UserName, problem
	if user.Name != "" {
		page.Who = user.Name
	}
	if page.Asks, err = consenttext.Asks(ctx, v.Clients, v.request.Client, v.request.Granted); err != nil {
		return err
	}
	if page.Authorization, err = v.again(ctx); err != nil {
		return err
	}
	if page.CSRF, err = v.Forms.Token(ctx, v.w, v.r, v.purposeConsent(l)); err != nil {
		return err
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	web.Render(v.w, status, page)
	return nil
}

// page is the consent page without the scopes and the form fields.
func (v *visit) page() web.Consent {
	name, origin := consenttext.App(v.request.Client)
	return web.Consent{
		App: name, Origin: origin, Unvetted: v.request.Client.SelfRegistered,
		Where: where(v.request.RedirectURI), To: websec.Source(v.request.RedirectURI),
	}
}

// where describes in words the target of a redirect URI.
func where(redirectURI string) string {
	origin := client.RedirectOrigin(redirectURI)
	switch {
	case origin == "":
		scheme, _, _ := strings.Cut(redirectURI, ":")
		return "the app " + scheme + " on this device"
	case client.LoopbackRedirect(redirectURI):
		return "an app on this device"
	}
	_, host, _ := strings.Cut(origin, "://")
	return host
}
