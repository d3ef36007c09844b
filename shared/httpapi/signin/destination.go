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

// maxReturn is the length of the longest way back.
const maxReturn = 8 << 10

// Destination is where the browser asks to go after a sign-in, if that is a place of
// ours, and the usual one if not. A path that begins like one of ours leads nowhere
// else.
func Destination(asked string) string {
	path, _, query := strings.Cut(asked, "?")
	if slices.Contains(destinations, asked) || query && slices.Contains(onward, path) && len(asked) <= maxReturn && plain(asked) {
		return asked
	}
	return destinations[0]
}

// Source is where Destination(asked) may lead on to, for the policy of a page with
// a form that ends there: to, if it is the source of some client and the sign-in
// leads to one, and nothing if not.
func Source(asked, to string) string {
	if !websec.ValidSource(to) || !strings.HasPrefix(Destination(asked), contract.Authorize.Path()+"?") {
		return ""
	}
	return to
}

// plain reports whether a path and its query consist of what a URI consists of.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("\"#<>\\^`{|}", c)
	})
}
