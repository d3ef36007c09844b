package websec

import (
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
)

// What a policy may name beside schemes of apps.
const (
	secureWeb = "https:"
	// deviceWeb is for a client on the person's own device, whose answer may
	// send them on into the web.
	deviceWeb = "http: https:"
)

// Source is where a form of ours may lead, for the policy of its page, when it
// ends at a redirect URI of a client.
//
// Browsers hold every redirect after a form was sent to form-action, also those
// that the client answers with. A client that takes the code at one host and sends
// the person on to another would be cut off by a policy with its own origin, so
// the policy names the kind of the redirect URI. What form-action is for, a form
// that somebody smuggled into the page, has no way in: the pages have no script and
// no text that is not escaped.
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

// ValidSource reports whether s is what Source returns for some URI that could be
// registered. A policy may be written with it, whoever it came from.
func ValidSource(s string) bool {
	return s == secureWeb || s == deviceWeb || client.CheckRedirect(s+"/") == nil && Source(s+"/") == s
}
