package oauth

// Metadata is the metadata of the authorization server (RFC 8414 §2, OpenID
// Connect Discovery 1.0 §3). It lists only what works.
type Metadata struct {
	Issuer                      string `json:"issuer"`
	AuthorizationEndpoint       string `json:"authorization_endpoint"`
	TokenEndpoint               string `json:"token_endpoint"`
	JWKSURI                     string `json:"jwks_uri"`
	UserInfoEndpoint            string `json:"userinfo_endpoint"`
	RegistrationEndpoint        string `json:"registration_endpoint,omitempty"`                // RFC 7591
	PushedEndpoint              string `json:"pushed_authorization_request_endpoint"`          // RFC 9126 §5
	DeviceAuthorizationEndpoint string `json:"device_authorization_endpoint"`                  // RFC 8628 §4
	IntrospectionEndpoint       string `json:"introspection_endpoint"`                         // RFC 7662
	RevocationEndpoint          string `json:"revocation_endpoint"`                            // RFC 7009
	EndSessionEndpoint          string `json:"end_session_endpoint"`                           // OIDC RP-Initiated Logout §2.1
	ServiceDocumentation        string `json:"service_documentation,omitempty"`                // for people
	ClientIDDocuments           bool   `json:"client_id_metadata_document_supported"`          // Client ID Metadata Documents
	ResponseIssuer              bool   `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3
	RequirePushed               bool   `json:"require_pushed_authorization_requests"`          // RFC 9126 §5
	BackChannelLogout           bool   `json:"backchannel_logout_supported"`                   // OIDC Back-Channel Logout §2.1
	BackChannelSession          bool   `json:"backchannel_logout_session_supported"`
	// These are always present because their absence means true, or is
	// ambiguous.
	RequestParameter    bool `json:"request_parameter_supported"`
	RequestURIParameter bool `json:"request_uri_parameter_supported"`
	ClaimsParameter     bool `json:"claims_parameter_supported"`

	ScopesSupported          []string `json:"scopes_supported"`
	ResponseTypesSupported   []string `json:"response_types_supported"`
	ResponseModesSupported   []string `json:"response_modes_supported"`
	GrantTypesSupported      []string `json:"grant_types_supported"`
	SubjectTypesSupported    []string `json:"subject_types_supported"`
	ACRValuesSupported       []string `json:"acr_values_supported"`
	PromptValuesSupported    []string `json:"prompt_values_supported"`
	ClaimsSupported          []string `json:"claims_supported"`
	ChallengeMethods         []string `json:"code_challenge_methods_supported"` // RFC 7636
	IDTokenAlgorithms        []string `json:"id_token_signing_alg_values_supported"`
	ProofAlgorithms          []string `json:"dpop_signing_alg_values_supported"` // RFC 9449 §5.1
	TokenAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms  []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	// ProtectedResources are the resources of this server that publish their own
	// metadata (RFC 9728 §4).
	ProtectedResources []string `json:"protected_resources"`
}

// ResourceMetadata is the metadata of a protected resource (RFC 9728 §2).
type ResourceMetadata struct {
	Resource             string   `json:"resource"`
	Name                 string   `json:"resource_name,omitempty"`
	Documentation        string   `json:"resource_documentation,omitempty"`
	AuthorizationServers []string `json:"authorization_servers"`
	ScopesSupported      []string `json:"scopes_supported"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	ProofAlgorithms      []string `json:"dpop_signing_alg_values_supported"`
	// ProofRequired reports that only tokens bound to a key are accepted.
	ProofRequired bool `json:"dpop_bound_access_tokens_required"`
}
