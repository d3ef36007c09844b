package client

import (
	"errors"
	"strings"
)

// maxRedirect is the length of the longest redirect URI.
const maxRedirect = 512

// CheckRedirect accepts a valid redirect URI: https, http on a loopback host (RFC
// 8252 §7.3), or a private-use scheme with a dot (§7.1). No scheme that a browser
// runs has a dot. Requests are compared with the URI byte by byte, so it must be
// spelled as the browser will follow it. The error is a sentence that does not
// repeat the URI.
func CheckRedirect(uri string) error {
	if len(uri) > maxRedirect {
		return errors.New("redirect URI is too long")
	}
	for _, c := range []byte(uri) {
		switch {
		case c == '#':
			return errors.New("redirect URI has a fragment (RFC 6749 §3.1.2)")
		case c == '*':
			return errors.New("redirect URI has a wildcard; list every URI")
		case c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return errors.New("redirect URI has a character that no URI has")
		}
	}
	scheme, authority, path, err := splitRedirect(uri)
	if err != nil {
		return err
	}
	if strings.Contains(authority, "@") {
		return errors.New("redirect URI has user information")
	}
	if DotSegment(path) {
		return errors.New(`redirect URI has "." or ".." in its path`)
	}
	return checkScheme(scheme, authority)
}

// splitRedirect splits a URI at the ends of its scheme and of its authority.
func splitRedirect(uri string) (scheme, authority, path string, err error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return "", "", "", errors.New("redirect URI is not absolute")
	}
	after, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return scheme, "", rest, nil
	}
	if i := strings.IndexAny(after, "/?"); i >= 0 {
		return scheme, after[:i], after[i:], nil
	}
	return scheme, after, "", nil
}

func checkScheme(scheme, authority string) error {
	if scheme != strings.ToLower(scheme) {
		return errors.New("redirect URI has a scheme that is not in lower case")
	}
	if scheme == "https" || scheme == "http" {
		// A resource follows the same rules for the host, the port and http.
		if _, err := NormalizeResource(scheme + "://" + authority); err != nil {
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

// DotSegment reports whether a path, with or without a query, has a dot segment. A
// browser resolves such a segment instead of sending it.
func DotSegment(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	path = strings.ReplaceAll(strings.ToLower(path), "%2e", ".")
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// LoopbackRedirect reports whether a redirect URI that [CheckRedirect] accepted
// leads to the user's own machine.
func LoopbackRedirect(uri string) bool {
	scheme, authority, _, err := splitRedirect(uri)
	if err != nil || scheme != "http" {
		return false
	}
	host, _, err := splitAuthority(authority)
	return err == nil && Loopback(host)
}

// RedirectOrigin returns the origin of a redirect URI that [CheckRedirect]
// accepted, in the same spelling: scheme and authority. It is empty for a URI of a
// private-use scheme.
func RedirectOrigin(uri string) string {
	scheme, authority, _, err := splitRedirect(uri)
	if err != nil || scheme != "https" && scheme != "http" {
		return ""
	}
	return scheme + "://" + authority
}
