package signin

import (
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
)

// destinations are the pages that a sign-in may lead to, the usual one first, and
// onward those that may have a query. Those sent the user here and judge the query
// once more. A query of the account page only chooses its words.
var (
	destinations = []string{contract.Account.Path(), contract.Home.Path(), contract.Device.Path()}
	onward       = []string{contract.Authorize.Path(), contract.Device.Path(), contract.Account.Path()}
)

// maxReturn is the length of the longest return address.
const maxReturn = 8 << 10

// Destination returns the page that the browser asks for after a sign-in, if that is
// one of ours, and the usual one if not. A path that only begins like one of ours
// leads to the usual one.
func Destination(asked string) string {
	path, _, query := strings.Cut(asked, "?")
	if slices.Contains(destinations, asked) || query && slices.Contains(onward, path) && len(asked) <= maxReturn && plain(asked) {
		return asked
	}
	return destinations[0]
}

// Source returns the source that Destination(asked) may lead on to, for the policy of
// a page with a form that ends there. That is to, if it is the source of a client and
// the sign-in leads to one, and otherwise nothing.
func Source(asked, to string) string {
	if !websec.ValidSource(to) || !strings.HasPrefix(Destination(asked), contract.Authorize.Path()+"?") {
		return ""
	}
	return to
}

// plain reports whether a path and its query consist only of the characters of a URI.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("\"#<>\\^`{|}", c)
	})
}
