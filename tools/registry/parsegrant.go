package registry

import (
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/tipstaff/tipstaff/shared/client"
)

// origin reads an origin as a browser writes it (RFC 6454 §6.2): it is compared
// byte by byte.
func (p *parsing) origin(n ast.Node) string {
	s := p.text(n, "origin")
	if s == "" {
		return ""
	}
	id, err := client.NormalizeResource(s)
	switch {
	case err != nil:
		p.fail(n, "origin %s: %q", strings.TrimPrefix(err.Error(), "resource "), s)
	case !strings.HasPrefix(s, "http") || id != s || strings.Count(s, "/") != 2 || strings.Contains(s, "?"):
		p.fail(n, "origin %q is not scheme and host in lower case, as in https://app.example.com", s)
	default:
		return s
	}
	return ""
}

// span reads how long something lasts. Fractions of a second are refused: what
// is stored has none.
func (p *parsing) span(n ast.Node, what string, shortest, longest time.Duration) time.Duration {
	v, ok := p.duration(n, what)
	if ok && (v < shortest || v > longest || v%time.Second != 0) {
		p.fail(n, "%s %s is not between %s and %s in whole seconds", what, short(v), short(shortest), short(longest))
	}
	return v
}
