package contract

// APIPath is the path of Tipstaff's own API as a resource: its audience is the
// issuer followed by APIPath. A client's access list writes it as this path,
// so that one registry file serves every stage.
const APIPath = "/api"

// ResourceMetadataPath is the path of that resource's metadata (RFC 9728 §3.1): the
// well-known path followed by the path of the resource.
const ResourceMetadataPath = "/.well-known/oauth-protected-resource" + APIPath

// The scopes of Tipstaff's own API.
const (
	// ScopeReady allows GET /ready.
	ScopeReady = "ready"
	// ScopeIntrospect allows a resource server to authenticate at
	// POST /introspect with an access token (RFC 7662 §2.1).
	ScopeIntrospect = "introspect"
	// ScopeSessions allows a client to list and end the sessions of the user
	// who signed in there.
	ScopeSessions = "sessions"
	// ScopeRegister allows POST /register where a stage requires a token.
	ScopeRegister = "register"
)

// APIScopes lists the scopes of Tipstaff's own API with their meaning.
var APIScopes = []Scope{
	{Name: ScopeReady, Description: "Check the readiness of this stage"},
	{Name: ScopeIntrospect, Description: "Ask what a token is worth"},
	{Name: ScopeSessions, Description: "See and end your sessions"},
	{Name: ScopeRegister, Description: "Register a client"},
}

// Scope is a scope of Tipstaff's own API.
type Scope struct{ Name, Description string }
