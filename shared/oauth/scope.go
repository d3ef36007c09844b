package oauth

import (
	"fmt"
	"slices"
	"strings"
)

// maxScopes bounds a scope list. No API needs more in one token.
const maxScopes = 100

// ParseScope splits a scope value by RFC 6749 §3.3: scope tokens of printable
// ASCII without space, quote and backslash, separated by one space. It drops
// duplicates and keeps the order.
func ParseScope(value string) ([]string, error) {
	if value == "" {
		return nil, nil
	}
	var scopes []string
	for s := range strings.SplitSeq(value, " ") {
		if !ValidScope(s) {
			return nil, fmt.Errorf("scope must be scope tokens with one space between two")
		}
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
		if len(scopes) > maxScopes {
			return nil, fmt.Errorf("scope names more than %d scopes", maxScopes)
		}
	}
	return scopes, nil
}

// ValidScope reports whether s is one scope token of RFC 6749 §3.3.
func ValidScope(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}
