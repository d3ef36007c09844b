// Package websec handles the security of requests from browsers: cookies that no
// script can read, forms that no other site can post, and pages of other sites that
// send requests with our cookies.
//
// A browser attaches our cookies to any request to us, whatever page caused it. So a
// request that changes something on the strength of a cookie must show that one of our
// own pages sent it, or one of the client's. It shows that by the Origin or the
// Sec-Fetch-Site header, which no page can set, and for forms also by a token that
// stands in our page only.
package websec

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// These are the cookies. The prefix __Host- makes the browser accept them only from
// us, over TLS, for all paths, and from no neighbouring host (RFC 6265bis §4.1.3.2).
const (
	// SessionCookie holds the handle of the login session. Only package userauth
	// reads, sets and clears it.
	SessionCookie = "__Host-sid"
	// RefreshCookie holds a client's id and its refresh token.
	RefreshCookie = "__Host-rt"
	// FormCookie binds forms to a browser that is not signed in yet.
	FormCookie = "__Host-pre"
	// BrowserCookie names a browser that has signed in before, so that it
	// does not wait for the guesses of others.
	BrowserCookie = "__Host-dev"
)

// Cookie returns the value of a cookie, or "". A name that occurs twice has no value,
// because it is unknown which one is ours.
func Cookie(r *http.Request, name string) string {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 {
		return ""
	}
	return cookies[0].Value
}

// SetCookie sets a cookie that the browser keeps for a life of whole seconds.
// Links from other sites carry it, except for RefreshCookie: no link leads to
// a refresh.
func SetCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	c := cookie(name)
	c.Value, c.MaxAge = value, max(1, int(life/time.Second))
	http.SetCookie(w, c)
}

// ClearCookie makes the browser forget a cookie.
func ClearCookie(w http.ResponseWriter, name string) {
	c := cookie(name)
	c.MaxAge = -1
	http.SetCookie(w, c)
}

func cookie(name string) *http.Cookie {
	c := &http.Cookie{Name: name, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
	if name == RefreshCookie {
		c.SameSite = http.SameSiteStrictMode
	}
	return c
}

// SetRefresh sets RefreshCookie for a client. The client's id stands beside the
// token because the browser does not say in any other way which client the token is for.
func SetRefresh(w http.ResponseWriter, clientID, token string, life time.Duration) {
	SetCookie(w, RefreshCookie, clientID+"."+token, life)
}

// Refresh returns what SetRefresh set, and nothing for anything else.
func Refresh(r *http.Request) (clientID, token string, ok bool) {
	clientID, token, ok = strings.Cut(Cookie(r, RefreshCookie), ".")
	if !ok || !client.ValidID(clientID) || token == "" {
		return "", "", false
	}
	return clientID, token, true
}

// SameOrigin refuses a request that did not come from a page of ours, with 403.
// Browsers report the origin of a request in Sec-Fetch-Site, and in Origin where they
// do not know that header. A request that only reads may also come from no page: a
// user may type its address.
func SameOrigin(r *http.Request, issuer string) error {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	ours := site == "same-origin" || reads && site == "none" || site == "" && (origin == issuer || reads && origin == "")
	// A page that hides its address posts its forms with the origin "null". Then
	// Sec-Fetch-Site decides.
	if !ours || origin != "" && origin != "null" && origin != issuer {
		return httpapi.Forbid("the request came from another site, or does not say from which")
	}
	return nil
}

// Origin refuses a request that did not come from a page of the client, with
// 403.
func Origin(r *http.Request, c *client.Client) error {
	if !slices.Contains(c.Origins, r.Header.Get("Origin")) {
		return httpapi.Forbid("the origin is not registered for the client")
	}
	return nil
}

// Origins tells [httpapi.Route] which pages may read answers. A client that registered
// itself has no such pages, and Origins does not look for it: otherwise a preflight of
// any site would have its document fetched.
func Origins(clients *client.Store) httpapi.Origins {
	return func(ctx context.Context, id, origin string) (bool, error) {
		if !client.ValidID(id) || strings.HasPrefix(id, string(opaque.RegisteredClient)) {
			return false, nil
		}
		c, err := clients.Client(ctx, id)
		if errors.Is(err, client.ErrUnknown) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return !c.Disabled && slices.Contains(c.Origins, origin), nil
	}
}
