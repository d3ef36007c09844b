package authrequest

import (
	"slices"
	"strings"
)

// loopbacks begin the redirect URIs whose port is free: a program on somebody's
// device gets the one that the system has left (RFC 8252 §7.3). A name is no such
// literal: "localhost" may be anything.
var loopbacks = []string{"http://127.0.0.1", "http://[::1]"}

// Match returns the registered redirect URI that a requested one is, byte for
// byte (RFC 9700 §2.1), but for the port of a loopback address. No URI is parsed:
// what the browser will make of it was judged when it was registered.
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

// afterPort returns what follows the port, if there is one, of what follows a
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
