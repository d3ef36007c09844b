// Package refresh serves POST /refresh, which continues a session. It answers in one
// of two ways.
//
// # A form
//
// A client that sends its refresh token in a form gets, byte for byte, what POST
// /token would answer.
//
// # A cookie
//
// A page has no refresh token to send. The token is in a cookie that no script can
// read, and the answer sets the next one in the same way. So a script that an attacker
// injects into the page cannot take the session away. The page proves that the request
// is its own by its origin, and by a header that only a script of that origin can set.
package refresh

import (
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/unregistered"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := vault.Prepared(e)
	db := dynamo.Client(e)
	auth := clientauth.New(e, db)
	unregistered.Admit(e, db, auth.Clients, held.MACKey)
	route := e.Route(&Handler{Auth: auth, Issue: issue.New(e, db, auth.Clients, held)})
	route.Origins = websec.Origins(auth.Clients)
	return route, nil
}

// Handler answers with a new access token.
type Handler struct {
	Auth  *clientauth.Guard
	Issue *issue.Issuer
}

// Serve distinguishes the two ways by the form: a page sends no refresh token.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	httpapi.Note(r.Context()).Grant = oauth.GrantRefreshToken
	if !r.PostForm.Has("refresh_token") && !r.PostForm.Has("grant_type") {
		return h.page(w, r)
	}
	c, err := h.Auth.Identify(r)
	if err != nil {
		return err
	}
	return h.Issue.Serve(w, r, c)
}

// page answers a page. It clears the cookie only if its session is finally over. After
// any other failure the page can ask again with the same cookie.
func (h *Handler) page(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get(httpapi.SessionRefresh) != "1" {
		return httpapi.Forbid("the header " + httpapi.SessionRefresh + ": 1 is missing")
	}
	id, presented, ok := websec.Refresh(r)
	if named := r.URL.Query().Get("client_id"); named != "" && (!ok || named != id) {
		// The cookie may be another client's of the same browser: it stays.
		return h.nobody(r, named)
	}
	if !ok {
		return signedOut(errors.New("there is no cookie"))
	}
	c, err := h.owner(r, id)
	if err != nil {
		return err
	}
	issued, err := h.Issue.Refresh(r, c, presented, r.PostForm)
	if refused, is := errors.AsType[*oauth.Error](err); is && refused.Code == oauth.InvalidGrant {
		websec.ClearCookie(w, websec.RefreshCookie)
		return signedOut(err)
	}
	if err != nil {
		return err
	}
	h.Issue.AnswerPage(r.Context(), w, c, issued)
	return nil
}

// owner returns the client of the cookie if the request came from its page.
func (h *Handler) owner(r *http.Request, id string) (*client.Client, error) {
	c, err := h.Auth.Clients.Client(r.Context(), id)
	if errors.Is(err, client.ErrUnknown) {
		return nil, httpapi.Forbid("the origin is not registered for the client")
	}
	if err != nil {
		return nil, err
	}
	if err := websec.Origin(r, c); err != nil {
		return nil, err
	}
	httpapi.Note(r.Context()).Client = c.ID
	if c.Disabled || !c.Public() {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the client may not keep its session in a cookie")
	}
	return c, nil
}

// A page gets this answer if its client has no session in this browser.
func (h *Handler) nobody(r *http.Request, id string) error {
	if _, err := h.owner(r, id); err != nil {
		return err
	}
	return signedOut(errors.New("the cookie is missing or another client's"))
}

// signedOut tells a page that the user has to sign in. The status is 401, and not 400
// as for other clients, because code in pages checks for that one.
func signedOut(why error) error {
	return &httpapi.StatusError{
		Status: http.StatusUnauthorized,
		Err:    &oauth.Error{Code: oauth.InvalidGrant, Detail: "there is no session any more: sign in", Err: why},
	}
}
