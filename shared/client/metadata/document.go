package metadata

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// ParseDocument reads the metadata document at the URL id and applies the rules for
// documents (draft-ietf-oauth-client-id-metadata-document §4). Its client_id must
// be id. It must hold no secret, because the document is public. Its redirect URIs
// must be at its own origin or on the user's machine, so that no user is redirected
// to a host that the owner of the document does not control. The error is an
// *oauth.Error as in [ParseRegistration].
func ParseDocument(id string, body []byte) (*Metadata, error) {
	host, err := ParseURL(id)
	if err != nil {
		return nil, invalid("client_id: " + err.Error())
	}
	w, err := parse(body)
	if err != nil {
		return nil, err
	}
	switch {
	case w.ClientID == nil:
		return nil, invalid("client_id is missing")
	case *w.ClientID != id:
		return nil, invalid("client_id is not the URL of the document, byte for byte")
	case w.Secret != nil || w.SecretExpires != nil:
		return nil, invalid("client_secret stands in a public document")
	}
	m, err := w.judge()
	if err != nil {
		return nil, err
	}
	for i, uri := range m.RedirectURIs {
		if client.RedirectOrigin(uri) != "https://"+host && !client.LoopbackRedirect(uri) {
			return nil, redirect(fmt.Sprintf("redirect_uris[%d] is neither at the origin of the document nor http on a loopback host", i))
		}
	}
	return m, m.authentication(w)
}

// authentication reads the client authentication method: none, which is the
// default, or an assertion signed by a key that stands in the document.
func (m *Metadata) authentication(w *wire) error {
	if w.Method == nil || *w.Method == oauth.AuthNone {
		return nil
	}
	if *w.Method != oauth.PrivateKeyJWT {
		return invalid("token_endpoint_auth_method is neither " + oauth.AuthNone + " nor " + oauth.PrivateKeyJWT)
	}
	if w.KeySetURI != nil || len(w.KeySet) == 0 {
		return invalid("the keys of " + oauth.PrivateKeyJWT + " must stand in the document, as jwks")
	}
	algorithm := ""
	if w.SigningAlgorithm != nil {
		algorithm = *w.SigningAlgorithm
	}
	var err error
	m.KeySet, m.Algorithm, err = publicKeys(w.KeySet, algorithm)
	return err
}

// maxURL is the length of the longest URL of a document.
const maxURL = 512

// ParseURL returns the host of a URL that can be the id of a client. Such a URL has
// the scheme https, a host name in lower case without a port, a path without dot
// segments, and possibly a query. Each URL has one spelling. The error is a
// sentence about the URL.
func ParseURL(id string) (host string, err error) {
	if len(id) > maxURL {
		return "", fmt.Errorf("the URL is longer than %d bytes", maxURL)
	}
	rest, ok := strings.CutPrefix(id, "https://")
	if !ok {
		return "", errors.New("the URL is not https")
	}
	host, path, ok := strings.Cut(rest, "/")
	if !ok {
		return "", errors.New("the URL has no path")
	}
	if !hostName(host) {
		return "", errors.New("the URL has a host that is no name with a dot in lower case, or more than a host")
	}
	// A resource follows the same rules for characters and escapes.
	if _, err := client.NormalizeResource(id); err != nil {
		return "", errors.New("the URL " + strings.TrimPrefix(err.Error(), "resource "))
	}
	if client.DotSegment(path) {
		return "", errors.New(`the URL has "." or ".." in its path`)
	}
	return host, nil
}

// hostName reports whether h is a name with a dot and not an IP address.
func hostName(h string) bool {
	labels := strings.Split(h, ".")
	for _, label := range labels {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(h) <= 253 && len(labels) > 1 && strings.ContainsAny(last[:1], "abcdefghijklmnopqrstuvwxyz")
}
