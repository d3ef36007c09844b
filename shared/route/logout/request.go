package logout

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/web"
)

// These are the parameters (RP-Initiated Logout §2), and the one of our own form. Any
// other parameter, such as logout_hint, is ignored: the login session of the browser
// counts.
const (
	fieldHint     = "id_token_hint"
	fieldClient   = "client_id"
	fieldRedirect = "post_logout_redirect_uri"
	fieldState    = "state"
	fieldCSRF     = "csrf"
)

// request is what a client asks for, as far as it may. The zero value is the request
// of a user who comes on their own.
type request struct {
	clientID string
	// app is the display name of the client.
	app string
	// redirect is registered for the client, and empty if the client asks for none.
	redirect, state string
	// hint is an ID token of ours, nil if there is none.
	hint *token.IDClaims
}

// parameters are those of the URL, or of the form of a POST.
func parameters(r *http.Request) (url.Values, error) {
	if r.Method == http.MethodPost {
		return r.PostForm, nil
	}
	form, err := httpapi.ParseForm(r.URL.RawQuery)
	if err != nil {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the parameters of the URL are malformed, or one comes twice")
	}
	return form, nil
}

// maxRelayed is the longest query that is sent back to a browser; the gateway
// takes no longer ones.
const maxRelayed = 8 << 10

// relay redirects a browser, which a client made post to us, to the same parameters in
// a URL (RFC 9110 §15.4.4). Such a POST carries no cookie of ours, because they are
// sent with links only. The GET carries it and so shows the user.
func relay(w http.ResponseWriter, form url.Values) error {
	kept := url.Values{}
	for _, name := range []string{fieldHint, fieldClient, fieldRedirect, fieldState} {
		if value := form.Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	query := kept.Encode()
	if len(query) > maxRelayed {
		return oauth.Refuse(oauth.InvalidRequest, "the parameters are too long")
	}
	if query != "" {
		query = "?" + query
	}
	web.Redirect(w, path+query)
	return nil
}

// judge returns what a request may ask for. It refuses a request that names two
// clients, and a redirect that is not registered for the client.
func (h *Handler) judge(ctx context.Context, form url.Values) (*request, error) {
	asked := &request{clientID: form.Get(fieldClient), state: form.Get(fieldState)}
	if err := h.readHint(ctx, asked, form.Get(fieldHint)); err != nil {
		return nil, err
	}
	uri := form.Get(fieldRedirect)
	if uri == "" {
		return asked, nil
	}
	c, err := h.Clients.Client(ctx, asked.clientID)
	if errors.Is(err, client.ErrUnknown) || err == nil && (c.Disabled || !leadsTo(c, uri)) {
		return nil, oauth.Refuse(oauth.InvalidRequest, "post_logout_redirect_uri is not registered for the client")
	}
	if err != nil {
		return nil, err
	}
	httpapi.Note(ctx).Client = c.ID
	asked.redirect, asked.app = uri, cmp.Or(c.Name, c.ID)
	return asked, nil
}

// leadsTo reports whether a sign-out may lead from a client to a URI. Registration
// alone is not enough: no URI may make a browser run a script, whatever the registry
// contains.
func leadsTo(c *client.Client, uri string) bool {
	return slices.Contains(c.PostLogoutURIs, uri) && client.CheckRedirect(uri) == nil
}

// readHint reads the hint. It ignores one that is not ours. So a user with a client
// that remembers an old sign-in is asked, and not left at an error page.
func (h *Handler) readHint(ctx context.Context, asked *request, text string) error {
	if text == "" {
		return nil
	}
	claims, err := token.VerifyID(ctx, text, token.Expect{Issuer: h.Issuer, Type: token.IDType, Keys: h.Keys, Now: h.Now(ctx)})
	if errors.Is(err, token.ErrInvalid) {
		httpapi.Note(ctx).Error = "the hint is not taken: " + err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	// VerifyID has checked that there is one audience.
	if asked.clientID != "" && asked.clientID != claims.Audience[0] {
		return oauth.Refuse(oauth.InvalidRequest, "id_token_hint is for another client than client_id")
	}
	asked.hint, asked.clientID = claims, claims.Audience[0]
	return nil
}

// about reports whether the hint is from that login: of the same user, with the same
// time of authentication. The session id in the hint does not count: a client that
// revoked its tokens first means this login, too.
func (q *request) about(l *session.Login) bool {
	return q.hint != nil && q.hint.Subject == l.Subject && q.hint.AuthTime == l.AuthTime.Unix()
}

// location is the redirect with the state (RP-Initiated Logout §3).
func (q *request) location() string {
	if q.state == "" {
		return q.redirect
	}
	separator := "?"
	if strings.Contains(q.redirect, "?") {
		separator = "&"
	}
	return q.redirect + separator + fieldState + "=" + url.QueryEscape(q.state)
}
