package login

import (
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
)

// answer signs a user in for one of the operator's own clients. It judges what the
// client asks for before the password, so that a request that is refused for another
// reason tells nothing about a password.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) error {
	c, err := h.client(r)
	if err != nil {
		return err
	}
	a := attempt{userName: r.PostForm.Get("user_name"), password: r.PostForm.Get("password")}
	if a.userName == "" || a.password == "" {
		return oauth.Refuse(oauth.InvalidRequest, "user_name or password is missing")
	}
	inBrowser := r.Header.Get("Origin") != ""
	if inBrowser {
		a.known, a.remember = signin.KnownBrowser(r)
	}
	grant, err := h.planned(r, c)
	if err != nil {
		return err
	}
	var issued *issue.Issued
	err = h.signIn(r, a, func(user *identity.User) error {
		issued, err = h.proved(r, c, user, grant, a.remember)
		return err
	})
	if err != nil {
		return refusal(err)
	}
	if inBrowser {
		signin.Remember(w, a.remember)
		h.Issue.AnswerPage(r.Context(), w, c, issued)
		return nil
	}
	httpapi.Answer(w, http.StatusOK, issued.Response())
	return nil
}

// client returns the client of the request, if it may ask users for their passwords. A
// page sends its origin; a request without one is not from a browser.
func (h *Handler) client(r *http.Request) (*client.Client, error) {
	c, err := h.Auth.Identify(r)
	if err != nil {
		return nil, err
	}
	if !c.FirstParty || !c.MayUse(oauth.GrantRefreshToken) {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "only the operator's own clients may sign people in here, with the grant refresh_token")
	}
	if r.Header.Get("Origin") == "" {
		return c, nil
	}
	if err := websec.Origin(r, c); err != nil {
		return nil, err
	}
	if !c.Public() {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the client has a secret, which does not belong into a page")
	}
	return c, nil
}

// planned returns the grant that the client asks for, without the user.
func (h *Handler) planned(r *http.Request, c *client.Client) (session.NewGrant, error) {
	granted, err := h.Issue.Audience.Grant(r.Context(), c, r.PostForm["resource"], r.PostForm.Get("scope"))
	if err != nil {
		return session.NewGrant{}, err
	}
	key, err := h.Issue.Proofs.Optional(r, c)
	if err != nil {
		return session.NewGrant{}, err
	}
	return session.NewGrant{
		Client: c.ID, Scope: granted.Scope, Audience: granted.Resources, JKT: key, Notify: c.BackChannelURI != "",
		AuthTime: h.Issue.Now(r.Context()), AMR: methods, Idle: c.Idle, Absolute: c.Absolute, Bound: !c.Public(),
		ClientInfo: session.NewClientInfo(r.RemoteAddr, r.UserAgent()), RequestID: httpapi.RequestID(r.Context()),
	}, nil
}

// secondError is the reason why a second step was refused, or asked for, after the
// password was right.
type secondError struct{ error }

func (e *secondError) Unwrap() error { return e.error }

// proved signs the user in after the right password. A user with an authenticator app
// has to send a code, which the grant uses up.
func (h *Handler) proved(r *http.Request, c *client.Client, user *identity.User, planned session.NewGrant, remember string) (*issue.Issued, error) {
	if !user.OTP {
		return h.grant(r, c, user, planned)
	}
	typed := r.PostForm.Get("otp")
	if typed == "" {
		return nil, &secondError{oauth.Refuse(oauth.OTPRequired, "the person has an authenticator app: ask for its code and send it as otp, with the password")}
	}
	code, err := h.Codes.Check(r, user, typed)
	if err != nil {
		return nil, &secondError{err}
	}
	planned.AMR, planned.Also = signin.SecondStep(planned.AMR), []dynamo.Write{code.Use}
	issued, err := h.grant(r, c, user, planned)
	if errors.Is(err, otp.ErrUsed) {
		h.Codes.Refused(r, user)
		return nil, &secondError{errors.Join(signin.ErrCode, err)}
	}
	if err == nil {
		code.Succeeded(r.Context(), remember)
	}
	return issued, err
}

// grant creates the grant and the first tokens under it. It ends the grant of the
// cookie that the browser sent: the new cookie replaces that one.
func (h *Handler) grant(r *http.Request, c *client.Client, user *identity.User, planned session.NewGrant) (*issue.Issued, error) {
	ctx := r.Context()
	planned.Subject, planned.AuthGen = user.Subject, user.AuthGen
	g, err := h.Issue.Sessions.CreateGrant(ctx, planned)
	if err != nil {
		return nil, err
	}
	httpapi.Note(ctx).Session = g.ID
	if err := h.endOld(r, user); err != nil {
		return nil, err
	}
	return h.Issue.Begin(ctx, c, g, issue.Extra{JKT: planned.JKT})
}

func (h *Handler) endOld(r *http.Request, user *identity.User) error {
	ctx := r.Context()
	_, presented, ok := websec.Refresh(r)
	if !ok {
		return nil
	}
	old, err := h.Issue.Handles.Parse(ctx, presented)
	if err == nil {
		_, err = h.Issue.Sessions.EndItem(ctx, old.Subject, old.Grant, session.Cause{
			Why: session.LoggedOut, Actor: user.Subject, RequestID: httpapi.RequestID(ctx),
		})
	}
	_, elsewhere := errors.AsType[*session.RegionError](err)
	if elsewhere || errors.Is(err, session.ErrForged) || errors.Is(err, session.ErrUnknown) {
		return nil // nothing here to end
	}
	return err
}

// refusal returns the refusal that a client gets when a password was not accepted.
func refusal(err error) error {
	if errors.Is(err, signin.ErrCode) {
		return &oauth.Error{Code: oauth.InvalidGrant, Detail: "the code is wrong or was used: the person waits for the next one", Err: err}
	}
	if errors.Is(err, errPassword) {
		return &oauth.Error{Code: oauth.InvalidGrant, Detail: "the user name or the password is wrong", Err: err}
	}
	return err
}
