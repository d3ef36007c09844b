package contract

import "time"

// Routes are the functions behind the HTTP API. Adding one is four edits,
// described in docs/adding-a-route.md; a test in functions names the one that
// was forgotten.
var Routes = []Function{Health, Ready, Discovery, JWKS, Token, Introspect}

// Tasks are the functions that no route calls.
var Tasks = []Function{Rotate}

// Health answers whether the function runs at all. It touches nothing and
// links no AWS SDK, so that it stays up when everything else is down.
var Health = Function{
	Name: "health", Summary: "liveness, without touching anything",
	Methods: []string{"GET"}, Paths: []string{"/health"},
	Memory: 128, Timeout: 3 * time.Second,
}

// Ready checks tables, secret and clock for an operator.
var Ready = Function{
	Name: "ready", Summary: "readiness of tables, secret and clock, for operators",
	Methods: []string{"GET"}, Paths: []string{"/ready"},
	Needs: []Need{
		on(Registry, Query),
		on(Sessions, GetItem),
		on(Audit, GetItem),
		on(Keys, DescribeSecret),
	},
	Memory: 256, Timeout: 10 * time.Second,
}

// Discovery serves both well-known metadata documents (RFC 8414, OpenID
// Connect Discovery). It is a pure function of its configuration.
var Discovery = Function{
	Name: "discovery", Summary: "authorization server metadata",
	Methods: []string{"GET"},
	Paths:   []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
	CORS:    AnyOrigin,
	Memory:  128, Timeout: 3 * time.Second,
}

// JWKS serves the public signing keys (RFC 7517).
var JWKS = Function{
	Name: "jwks", Summary: "public signing keys",
	Methods: []string{"GET"}, Paths: []string{"/jwks"}, CORS: AnyOrigin,
	Needs:  []Need{on(Registry, Query)},
	Memory: 256, Timeout: 5 * time.Second, Warm: true,
}

// Token issues access tokens (RFC 6749 §3.2).
var Token = Function{
	Name: "token", Summary: "access tokens for every grant",
	Methods: []string{"POST"}, Paths: []string{"/token"}, CORS: AnyOrigin,
	Needs: []Need{
		on(Registry, GetItem),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 5 * time.Second, Warm: true,
}

// Introspect tells a resource server what a token is worth (RFC 7662).
var Introspect = Function{
	Name: "introspect", Summary: "whether a token is active, for resource servers",
	Methods: []string{"POST"}, Paths: []string{"/introspect"},
	Needs:  []Need{on(Registry, GetItem, Query)},
	Memory: 256, Timeout: 5 * time.Second, Warm: true,
}

// Rotate moves the stage's keys one step on. Secrets Manager calls it, for the
// first time when the secret is created, which is how the first keys come to
// be without ever standing in a template.
var Rotate = Function{
	Name: "rotate", Summary: "rotation of the signing and MAC keys",
	Needs: []Need{
		on(Registry, PutItem),
		on(Audit, PutItem),
		on(Keys, DescribeSecret, GetSecretValue, PutSecretValue, UpdateSecretVersion),
	},
	Memory: 256, Timeout: 30 * time.Second,
}
