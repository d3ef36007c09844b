package contract

import "time"

// Routes are the functions behind the HTTP API. A new one takes four edits, as in
// docs/adding-a-route.md. A test in functions names a missing one.
var Routes = []Function{
	Health, Ready, Discovery, JWKS, Authorize, PAR, Token, Refresh, UserInfo, Introspect, Revoke,
	DeviceAuthorization, Device, ClientDocument, Register, Login, Upstream, Enroll, Logout, MySessions, Account, Home,
}

// Tasks are the functions that are no route.
var Tasks = []Function{Rotate, Notify, SendMail}

// Health reports that the function runs. It calls nothing and links no AWS SDK, so
// that it works when everything it does not need is down.
var Health = Function{
	Name: "health", Summary: "liveness, without a call to AWS",
	Methods: []string{"GET"}, Paths: []string{"/health"},
	Memory: 128, Timeout: 3 * time.Second,
}

// Ready checks tables, secret and clock, for an operator.
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

// Discovery serves the well-known metadata documents: of the authorization server
// (RFC 8414, OpenID Connect Discovery) and of its own API as a protected resource
// (RFC 9728). Its answers depend only on its configuration.
var Discovery = Function{
	Name: "discovery", Summary: "metadata of the server and of its API",
	Methods: []string{"GET"},
	Paths: []string{
		"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
		"/.well-known/oauth-protected-resource", ResourceMetadataPath,
	},
	CORS: AnyOrigin, Clients: true,
	Memory: 128, Timeout: 3 * time.Second,
}

// JWKS serves the public signing keys (RFC 7517).
var JWKS = Function{
	Name: "jwks", Summary: "public signing keys",
	Methods: []string{"GET"}, Paths: []string{"/jwks"}, CORS: AnyOrigin,
	Needs:  []Need{on(Registry, Query)},
	Memory: 256, Timeout: 5 * time.Second, Warm: true,
}

// Authorize is the authorization endpoint (RFC 6749 §3.1). It asks the user for
// consent and redirects the browser to the client with an authorization code.
var Authorize = Function{
	Name: "authorize", Summary: "authorization endpoint: users consent to a client",
	Methods: []string{"GET", "POST"}, Paths: []string{"/authorize"}, Page: true, Clients: true,
	Needs: []Need{
		on(Registry, GetItem, UpdateItem),
		on(Sessions, GetItem, UpdateItem),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
		on(Documents, GetItem),
	},
	Memory: 256, Timeout: 10 * time.Second,
}

// PAR accepts pushed authorization requests (RFC 9126).
var PAR = Function{
	Name: "par", Summary: "pushed authorization requests",
	Methods: []string{"POST"}, Paths: []string{"/par"}, CORS: AnyOrigin, Clients: true,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, PutItem, UpdateItem),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
		on(Documents, GetItem),
	},
	Memory: 256, Timeout: 10 * time.Second,
}

// Token issues access tokens (RFC 6749 §3.2).
var Token = Function{
	Name: "token", Summary: "access tokens for every grant",
	Methods: []string{"POST"}, Paths: []string{"/token"}, CORS: AnyOrigin, Clients: true,
	Needs: []Need{
		on(Registry, GetItem, Query, ConditionCheckItem),
		on(Sessions, GetItem, PutItem, UpdateItem, ConditionCheckItem, Query),
		on(Documents, GetItem),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 5 * time.Second, Warm: true,
}

// Refresh issues new tokens for a refresh token: for a page with a cookie that no
// script can read, for any other client as POST /token does. It is a function of
// its own because users notice its failures first, so its failure ratio is measured
// alone. It also never waits behind another grant.
var Refresh = Function{
	Name: "refresh", Summary: "a new access token for a session",
	Methods: []string{"POST"}, Paths: []string{"/refresh"}, CORS: NamedOrigins, Clients: true,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, GetItem, UpdateItem),
		on(Documents, GetItem),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 5 * time.Second, Warm: true,
}

// UserInfo returns claims about the user (OpenID Connect Core §5.3).
var UserInfo = Function{
	Name: "userinfo", Summary: "claims about the user, for the client",
	Methods: []string{"GET", "POST"}, Paths: []string{"/userinfo"}, CORS: AnyOrigin,
	Needs: []Need{
		on(Registry, GetItem, Query),
		on(Sessions, GetItem, UpdateItem),
	},
	Memory: 256, Timeout: 5 * time.Second,
}

// Introspect reports to a resource server whether a token is active (RFC 7662).
var Introspect = Function{
	Name: "introspect", Summary: "whether a token is active, for resource servers",
	Methods: []string{"POST"}, Paths: []string{"/introspect"}, Clients: true,
	Needs: []Need{
		on(Documents, GetItem),
		on(Registry, GetItem, Query),
		on(Sessions, GetItem, UpdateItem),
		on(Audit, PutItem),
	},
	Memory: 256, Timeout: 5 * time.Second, Warm: true,
}

// Revoke revokes a token at the request of its client (RFC 7009).
var Revoke = Function{
	Name: "revoke", Summary: "revocation of a token, by its client",
	Methods: []string{"POST"}, Paths: []string{"/revoke"}, CORS: AnyOrigin, Clients: true,
	Needs: []Need{
		on(Documents, GetItem),
		on(Registry, GetItem, Query),
		on(Sessions, GetItem, UpdateItem),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 5 * time.Second,
}

// DeviceAuthorization starts the device grant (RFC 8628 §3.1).
var DeviceAuthorization = Function{
	Name: "deviceauthorization", Summary: "codes for a device without a browser",
	Methods: []string{"POST"}, Paths: []string{"/device_authorization"}, CORS: AnyOrigin, Clients: true,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, PutItem, UpdateItem),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
		on(Documents, GetItem),
	},
	Memory: 256, Timeout: 10 * time.Second,
}

// Device is the page where the user enters the user code (RFC 8628 §3.3).
var Device = Function{
	Name: "device", Summary: "users approve a device",
	Methods: []string{"GET", "POST"}, Paths: []string{"/device"}, Page: true, Clients: true,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, GetItem, UpdateItem),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
		on(Documents, GetItem),
	},
	Memory: 256, Timeout: 10 * time.Second,
}

// ClientDocument fetches the metadata document of a client from the client's own
// origin (OAuth Client ID Metadata Documents), and caches it. It is the only
// function that calls a server that a request names. So it may access only the
// table of fetched documents.
var ClientDocument = Function{
	Name: "clientdocument", Summary: "metadata documents of clients",
	Methods: []string{"GET"}, Paths: []string{"/client"}, CORS: AnyOrigin, Clients: true,
	Needs:  []Need{on(Documents, GetItem, UpdateItem)},
	Memory: 256, Timeout: 10 * time.Second,
}

// Register registers a client (RFC 7591), in the stages that allow it.
var Register = Function{
	Name: "register", Summary: "clients register themselves",
	Methods: []string{"POST"}, Paths: []string{"/register"}, CORS: AnyOrigin, Nested: true, Clients: true,
	Needs: []Need{
		on(Registry, Query),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 5 * time.Second,
}

// Login signs users in, with a page, or with JSON for first-party clients.
//
// Its memory is larger than the others' because Lambda gives CPU by memory, and one
// password hash costs 43 ms of a whole core on purpose: about 75 ms with 1,024 MiB,
// half a second with 256. The 46 MiB that the hash fills are the smaller part of
// the reason.
var Login = Function{
	Name: "login", Summary: "users sign in",
	Methods: []string{"GET", "POST"}, Paths: []string{"/login"}, CORS: NamedOrigins, JSON: true, Page: true,
	Needs: []Need{
		on(Registry, GetItem, UpdateItem, ConditionCheckItem, Query),
		on(Sessions, GetItem, PutItem, UpdateItem, Query),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 1024, Timeout: 10 * time.Second,
}

// Upstream signs users in with an account at another issuer (OpenID Connect Core
// §3.1, or OAuth 2.0 where the issuer has nothing better). It serves the redirect
// to the issuer and the callback.
var Upstream = Function{
	Name: "upstream", Summary: "users sign in with an account at another issuer",
	Methods: []string{"GET"}, Paths: []string{"/upstream/{id}", "/upstream/{id}/callback"}, Page: true,
	Needs: []Need{
		on(Registry, GetItem, PutItem, UpdateItem, ConditionCheckItem, Query),
		on(Sessions, GetItem, PutItem, UpdateItem, DeleteItem, Query),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
		on(Upstreams, GetSecretValue),
	},
	Memory: 256, Timeout: 20 * time.Second,
}

// Enroll sets the credentials of a user with a one-time link: after an invitation
// or to recover an account. Its memory is that of [Login], for the same reason.
var Enroll = Function{
	Name: "enroll", Summary: "users set credentials with a one-time link",
	Methods: []string{"GET", "POST"}, Paths: []string{"/invite", "/recover"}, Page: true, Mails: true,
	Needs: []Need{
		on(Registry, GetItem, PutItem, UpdateItem, DeleteItem, ConditionCheckItem, Query),
		on(Sessions, GetItem, PutItem, UpdateItem, Query),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 1024, Timeout: 10 * time.Second,
}

// Logout ends the browser session.
var Logout = Function{
	Name: "logout", Summary: "users sign out",
	Methods: []string{"GET", "POST"}, Paths: []string{"/logout"}, Page: true,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, GetItem, PutItem, UpdateItem, Query),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 5 * time.Second,
}

// MySessions lists the sessions of the user and ends the chosen ones.
var MySessions = Function{
	Name: "sessions", Summary: "a user's sessions, to list and to end",
	Methods: []string{"GET", "POST", "DELETE"},
	Paths:   []string{"/sessions", "/sessions/{id}", "/sessions/revoke-others"}, CORS: NamedOrigins,
	Needs: []Need{
		on(Registry, GetItem, Query, UpdateItem),
		on(Sessions, GetItem, PutItem, UpdateItem, Query),
		on(Audit, PutItem),
	},
	Memory: 256, Timeout: 10 * time.Second,
}

// Account is the user's account page: credentials, sessions and consents. It hashes
// new passwords, which takes memory.
var Account = Function{
	Name: "account", Summary: "a user's account page",
	Methods: []string{"GET", "POST"}, Paths: []string{"/account"}, Page: true,
	Needs: []Need{
		on(Registry, GetItem, PutItem, UpdateItem, DeleteItem, ConditionCheckItem, Query),
		on(Sessions, GetItem, PutItem, UpdateItem, Query),
		on(Audit, PutItem),
		{Resource: Audit, Index: AuditBySub, Actions: []Action{Query}},
		on(Keys, GetSecretValue),
	},
	Memory: 512, Timeout: 10 * time.Second,
}

// Home is the page at the root.
var Home = Function{
	Name: "home", Summary: "the page at the root",
	Methods: []string{"GET"}, Paths: []string{"/"}, Page: true,
	Memory: 128, Timeout: 3 * time.Second,
}

// Rotate rotates the keys of the stage by one step. Secrets Manager calls it, the
// first time when the secret is created. In this way the first keys never stand in
// a template.
var Rotate = Function{
	Name: "rotate", Summary: "rotation of the signing and MAC keys",
	Needs: []Need{
		on(Registry, PutItem),
		on(Audit, PutItem),
		on(Keys, DescribeSecret, GetSecretValue, PutSecretValue, UpdateSecretVersion),
	},
	Memory: 256, Timeout: 30 * time.Second,
}

// Notify sends logout tokens to clients after a session has ended (OpenID Connect
// Back-Channel Logout). It reads the queue that the end of a session fills.
var Notify = Function{
	Name: "notify", Summary: "notifies clients of ended sessions", Every: time.Minute,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, Query, UpdateItem, DeleteItem),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 50 * time.Second,
}

// SendMail sends mail from a queue. With the queue neither an answer nor its timing
// shows whether mail was sent.
var SendMail = Function{
	Name: "sendmail", Summary: "sends the mail that users request", Every: time.Minute, Mails: true,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, Query, PutItem, UpdateItem, DeleteItem),
		on(Audit, PutItem),
		on(Mail, SendEmail),
	},
	Memory: 256, Timeout: 50 * time.Second,
}
