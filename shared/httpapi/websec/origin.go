package websec

import (
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
)

// These are the sources that a policy may name besides the schemes of apps.
const (
	secureWeb = "https:"
	// deviceWeb is for a client on the user's own device. Its answer may send the
	// browser on into the web.
	deviceWeb = "http: https:"
)

// Source returns the source that the policy of a page needs in form-action, if a form
// on it ends at a redirect URI of a client.
//
// Browsers apply form-action to every redirect after a form was sent, also to those
// that the client answers with. A client may take the code at one host and send the
// browser on to another. A policy with its origin alone would stop that, so the policy
// names the scheme of the redirect URI.
//
// form-action guards against forms that an attacker injects into the page. Those have
// no way in: the pages have no script and no text that is not escaped.
func Source(redirectURI string) string {
	origin := client.RedirectOrigin(redirectURI)
	switch {
	case origin == "":
		scheme, _, _ := strings.Cut(redirectURI, ":")
		return scheme + ":"
	case strings.HasPrefix(origin, secureWeb):
		return secureWeb
	}
	return deviceWeb
}

// ValidSource reports whether s is a result of [Source] for a URI that could be
// registered. So a policy may contain it, even if s came from outside.
func ValidSource(s string) bool {
	return s == secureWeb || s == deviceWeb || client.CheckRedirect(s+"/") == nil && Source(s+"/") == s
}
