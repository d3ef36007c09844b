// Package discovery serves the authorization server metadata under both
// well-known paths (RFC 8414 §3, OpenID Connect Discovery 1.0 §4). The document
// is a pure function of the configuration and lists what works today, nothing
// else: a client that reads it never meets an endpoint that is not there.
package discovery

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// New builds the route from its environment.
func New(e *wire.Env) (http.Handler, error) {
	body, err := json.Marshal(Metadata(e.Issuer))
	if err != nil {
		return nil, fmt.Errorf("marshal the metadata: %w", err)
	}
	return e.Route(&Handler{Document: httpapi.NewDocument(body)}), nil
}

// Metadata describes the server at issuer.
func Metadata(issuer string) oauth.Metadata {
	secret := []string{oauth.ClientSecretBasic, oauth.ClientSecretPost}
	everyone := append(secret[:len(secret):len(secret)], oauth.AuthNone)
	return oauth.Metadata{
		Issuer:                   issuer,
		TokenEndpoint:            issuer + contract.Token.Paths[0],
		JWKSURI:                  issuer + contract.JWKS.Paths[0],
		IntrospectionEndpoint:    issuer + contract.Introspect.Paths[0],
		RevocationEndpoint:       issuer + contract.Revoke.Paths[0],
		ResponseTypesSupported:   []string{}, // required even when empty (RFC 8414 §2)
		GrantTypesSupported:      []string{oauth.GrantClientCredentials, oauth.GrantRefreshToken},
		TokenAuthMethods:         everyone,
		IntrospectionAuthMethods: secret,
		RevocationAuthMethods:    everyone,
	}
}

// Handler answers with the document.
type Handler struct{ Document *httpapi.Document }

// Serve answers 200, or 304 to a client that has the document.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	h.Document.Write(w, r)
	return nil
}
