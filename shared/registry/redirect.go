package registry

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tipstaff/tipstaff/shared/client"
)

const maxRedirect = 512

func (p *parsing) redirectURI(n ast.Node) string {
	s := p.text(n, "redirect URI")
	if s == "" {
		return ""
	}
	if err := checkRedirect(s); err != nil {
		p.fail(n, "%v: %q", err, s)
	}
	return s
}

// checkRedirect accepts what a redirect may go to: https, http on a loopback
// host (RFC 8252 §7.3), or a private-use scheme with a dot (§7.1), which no
// scheme that a browser acts upon has. Requests are compared with it byte by
// byte, so it must be spelled as the browser will follow it.
func checkRedirect(s string) error {
	if len(s) > maxRedirect {
		return errors.New("redirect URI is too long")
	}
	for _, c := range []byte(s) {
		switch {
		case c == '#':
			return errors.New("redirect URI has a fragment (RFC 6749 §3.1.2)")
		case c == '*':
			return errors.New("redirect URI has a wildcard; list every URI")
		case c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return errors.New("redirect URI has a character that no URI has")
		}
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		return errors.New("redirect URI is not absolute")
	}
	authority, path := "", rest
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		authority, path = after, ""
		if i := strings.IndexAny(after, "/?"); i >= 0 {
			authority, path = after[:i], after[i:]
		}
	}
	if strings.Contains(authority, "@") {
		return errors.New("redirect URI has user information")
	}
	if dotSegment(path) {
		return errors.New(`redirect URI has "." or ".." in its path`)
	}
	return checkScheme(scheme, authority)
}

func checkScheme(scheme, authority string) error {
	if scheme != strings.ToLower(scheme) {
		return errors.New("redirect URI has a scheme that is not in lower case")
	}
	if scheme == "https" || scheme == "http" {
		// A resource follows the same rules for the host, the port and http.
		if _, err := client.NormalizeResource(scheme + "://" + authority); err != nil {
			return errors.New("redirect URI " + strings.TrimPrefix(err.Error(), "resource "))
		}
		return nil
	}
	labels := strings.Split(scheme, ".")
	if len(labels) < 2 {
		return errors.New("redirect URI is neither https nor of a private-use scheme with a dot, such as com.example.app")
	}
	for _, label := range labels {
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label == "" {
			return errors.New("redirect URI has a scheme that is none")
		}
	}
	if first := scheme[0]; first < 'a' || first > 'z' {
		return errors.New("redirect URI has a scheme that does not begin with a letter")
	}
	if strings.ContainsAny(authority, ":[]%") {
		return errors.New("redirect URI of a private-use scheme has a port or an address")
	}
	return nil
}

func dotSegment(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	path = strings.ReplaceAll(strings.ToLower(path), "%2e", ".")
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}
