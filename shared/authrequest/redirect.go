package authrequest

import (
	"slices"
	"strings"
)

// loopbacks begin the redirect URIs with a free port: a program on the user's device gets
// the port that the system assigns (RFC 8252 §7.3). The name "localhost" is not among
// them, because it may resolve to any address.
var loopbacks = []string{"http://127.0.0.1", "http://[::1]"}

// Match returns the registered redirect URI that equals a requested one, byte for byte
// (RFC 9700 §2.1), except for the port of a loopback address. It parses no URI: the check
// at registration covered how a browser reads it.
func Match(registered []string, requested string) (string, bool) {
	if slices.Contains(registered, requested) {
		return requested, true
	}
	for _, host := range loopbacks {
		rest, ok := strings.CutPrefix(requested, host)
		if !ok {
			continue
		}
		tail, ok := afterPort(rest)
		if !ok {
			return "", false
		}
		for _, r := range registered {
			if own, ok := strings.CutPrefix(r, host); ok {
				if t, ok := afterPort(own); ok && t == tail {
					return r, true
				}
			}
		}
	}
	return "", false
}

// afterPort returns the rest of a URI after the optional port. The input begins after the
// host.
func afterPort(rest string) (string, bool) {
	if port, ok := strings.CutPrefix(rest, ":"); ok {
		digits := len(port) - len(strings.TrimLeft(port, "0123456789"))
		if digits == 0 || digits > 5 || port[0] == '0' || digits == 5 && port[:5] > "65535" {
			return "", false
		}
		rest = port[digits:]
	}
	return rest, rest == "" || rest[0] == '/' || rest[0] == '?'
}
