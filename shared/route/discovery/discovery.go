// Package discovery serves the metadata of the authorization server under both
// well-known paths (RFC 8414 §3, OpenID Connect Discovery 1.0 §4), and that of
// its own API as a protected resource (RFC 9728 §3). The documents depend on the
// configuration only. They list only what works in this stage, so that a client never
// reads of an endpoint that does not exist.
package discovery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// documentation is the URL of the documentation for developers.
const documentation = "https://github.com/tipstaff/tipstaff/blob/main/docs/api.md"

// New builds the route from its environment.
func New(e *wire.Env) (http.Handler, error) {
	server, err := json.Marshal(Metadata(e.Issuer, e.ClientDocuments, e.Registration))
	if err != nil {
		return nil, fmt.Errorf("marshal the metadata of the server: %w", err)
	}
	resource, err := json.Marshal(ResourceMetadata(e.Issuer))
	if err != nil {
		return nil, fmt.Errorf("marshal the metadata of the API: %w", err)
	}
	return e.Route(&Handler{Server: httpapi.NewDocument(server), Resource: httpapi.NewDocument(resource)}), nil
}

// proofAlgorithms are the algorithms of package dpop, and assertionAlgorithms those of
// package token. The lists are repeated here because an import would link an SDK or a
// library. A test compares them.
var (
	proofAlgorithms     = []string{oauth.ES256, "EdDSA", "Ed25519"}
	assertionAlgorithms = []string{oauth.ES256, "EdDSA", "Ed25519", oauth.RS256, "PS256"}
)

// Metadata describes the server at issuer (RFC 8414 §2). The other parameters are the
// settings of the stage for client metadata documents and for dynamic registration.
func Metadata(issuer string, documents contract.ClientDocuments, registration contract.Registration) oauth.Metadata {
	confidential := []string{oauth.ClientSecretBasic, oauth.ClientSecretPost, oauth.PrivateKeyJWT}
	everyone := append(confidential[:len(confidential):len(confidential)], oauth.AuthNone)
	at := func(f contract.Function) string { return issuer + f.Path() }
	m := oauth.Metadata{
		Issuer:                      issuer,
		AuthorizationEndpoint:       at(contract.Authorize),
		TokenEndpoint:               at(contract.Token),
		JWKSURI:                     at(contract.JWKS),
		UserInfoEndpoint:            at(contract.UserInfo),
		PushedEndpoint:              at(contract.PAR),
		DeviceAuthorizationEndpoint: at(contract.DeviceAuthorization),
		IntrospectionEndpoint:       at(contract.Introspect),
		RevocationEndpoint:          at(contract.Revoke),
		EndSessionEndpoint:          at(contract.Logout),
		ServiceDocumentation:        documentation,
		ClientIDDocuments:           !documents.Off(),
		ResponseIssuer:              true,
		BackChannelLogout:           true,
		BackChannelSession:          true,
		ScopesSupported:             oauth.IdentityScopes,
		ResponseTypesSupported:      []string{"code"},
		ResponseModesSupported:      []string{"query", "form_post"},
		GrantTypesSupported: []string{
			oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials,
			oauth.GrantDeviceCode, oauth.GrantTokenExchange,
		},
		SubjectTypesSupported:    []string{"public"},
		ACRValuesSupported:       oauth.ACRValues,
		PromptValuesSupported:    []string{"none", "login", "consent", "select_account"},
		ClaimsSupported:          claims,
		ChallengeMethods:         []string{"S256"},
		IDTokenAlgorithms:        []string{oauth.ES256, oauth.RS256},
		ProofAlgorithms:          proofAlgorithms,
		TokenAuthMethods:         everyone,
		TokenAuthAlgorithms:      assertionAlgorithms,
		IntrospectionAuthMethods: confidential,
		IntrospectionAlgorithms:  assertionAlgorithms,
		RevocationAuthMethods:    everyone,
		RevocationAlgorithms:     assertionAlgorithms,
		ProtectedResources:       []string{issuer + contract.APIPath},
	}
	if registration != contract.RegistrationOff {
		m.RegistrationEndpoint = at(contract.Register)
	}
	return m
}

// claims are the claims of an ID token and of the UserInfo response.
var claims = []string{
	"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "sid",
	"name", "preferred_username", "email", "email_verified",
}

// ResourceMetadata describes our own API (RFC 9728 §2). The same document is served
// at the well-known path without the path of the API, for a client that asks for the
// metadata of the origin: the API is the only protected resource there.
func ResourceMetadata(issuer string) oauth.ResourceMetadata {
	m := oauth.ResourceMetadata{
		Resource:             issuer + contract.APIPath,
		Name:                 "Tipstaff",
		Documentation:        documentation,
		AuthorizationServers: []string{issuer},
		BearerMethods:        []string{"header"},
		ProofAlgorithms:      proofAlgorithms,
	}
	for _, scope := range contract.APIScopes {
		m.ScopesSupported = append(m.ScopesSupported, scope.Name)
	}
	return m
}

// Handler answers with a document.
type Handler struct{ Server, Resource *httpapi.Document }

// Serve answers 200, or 304 to a client that has the document.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	document := h.Server
	if strings.HasPrefix(r.URL.Path, resourcePrefix) {
		document = h.Resource
	}
	document.Write(w, r)
	return nil
}

// resourcePrefix begins the paths of the resource's document.
var resourcePrefix = strings.TrimSuffix(contract.ResourceMetadataPath, contract.APIPath)
