package contract

import "time"

// Routes are the functions behind the HTTP API. Adding one is four edits,
// described in docs/adding-a-route.md; a test in functions names the one that
// was forgotten.
var Routes = []Function{
	Health, Ready, Discovery, JWKS, Authorize, PAR, Token, Refresh, UserInfo, Introspect, Revoke,
	DeviceAuthorization, Device, ClientDocument, Register, Login, Upstream, Enroll, Logout, MySessions, Account, Home,
}

// Tasks are the functions that no route calls.
var Tasks = []Function{Rotate, Notify, SendMail}

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

// Discovery serves the well-known metadata documents: of the authorization
// server (RFC 8414, OpenID Connect Discovery) and of its own API as a protected
// resource (RFC 9728). It is a pure function of its configuration.
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

// Authorize asks a person whether a client may act for them (RFC 6749 §3.1),
// and sends their browser back to the client with a code.
var Authorize = Function{
	Name: "authorize", Summary: "people let a client in",
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

// PAR takes the parameters of an authorization request ahead of the browser
// (RFC 9126).
var PAR = Function{
	Name: "par", Summary: "authorization requests, pushed ahead",
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

// Refresh renews a session: for a page with a cookie that no script can read,
// for any other client as POST /token does. It is a function of its own because
// the ratio of its failures is what people feel, and so that it never waits
// behind another grant.
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

// UserInfo tells a client who signed in (OpenID Connect Core §5.3).
var UserInfo = Function{
	Name: "userinfo", Summary: "who signed in, for the client that they let in",
	Methods: []string{"GET", "POST"}, Paths: []string{"/userinfo"}, CORS: AnyOrigin,
	Needs: []Need{
		on(Registry, GetItem, Query),
		on(Sessions, GetItem, UpdateItem),
	},
	Memory: 256, Timeout: 5 * time.Second,
}

// Introspect tells a resource server what a token is worth (RFC 7662).
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

// Revoke ends what a client no longer wants (RFC 7009).
var Revoke = Function{
	Name: "revoke", Summary: "the end of a session, by its client",
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

// DeviceAuthorization begins the sign-in of a device that has no browser (RFC
// 8628 §3.1).
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

// Device is where a person types the code that a device shows (RFC 8628 §3.3).
var Device = Function{
	Name: "device", Summary: "people let a device in",
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

// ClientDocument reads the document with which a client describes itself at its
// own origin (OAuth Client ID Metadata Documents), and keeps what it found. It
// is the only function that calls a stranger's server, so all that it may touch
// is the table of what it fetched.
var ClientDocument = Function{
	Name: "clientdocument", Summary: "what a client says of itself at its own origin",
	Methods: []string{"GET"}, Paths: []string{"/client"}, CORS: AnyOrigin, Clients: true,
	Needs:  []Need{on(Documents, GetItem, UpdateItem)},
	Memory: 256, Timeout: 10 * time.Second,
}

// Register gives a client an id (RFC 7591), in the stages that allow it.
var Register = Function{
	Name: "register", Summary: "clients register themselves",
	Methods: []string{"POST"}, Paths: []string{"/register"}, CORS: AnyOrigin, Nested: true, Clients: true,
	Needs: []Need{
		on(Registry, Query),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 5 * time.Second,
}

// Login signs people in: with a page, or for the operator's own clients with
// JSON.
//
// Its memory is larger than the others' because Lambda gives CPU by memory, and
// one password costs 43 ms of a whole core on purpose: about 75 ms with 1,024
// MiB, half a second with 256. The 46 MiB that the hash fills are the smaller
// part of the reason.
var Login = Function{
	Name: "login", Summary: "people sign in",
	Methods: []string{"GET", "POST"}, Paths: []string{"/login"}, CORS: NamedOrigins, JSON: true, Page: true,
	Needs: []Need{
		on(Registry, GetItem, UpdateItem, ConditionCheckItem, Query),
		on(Sessions, GetItem, PutItem, UpdateItem, Query),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 1024, Timeout: 10 * time.Second,
}

// Upstream lets people sign in with an account that they have at another issuer
// (OpenID Connect Core §3.1, or OAuth 2.0 where there is nothing better): the way
// there, and the way back.
var Upstream = Function{
	Name: "upstream", Summary: "people sign in with an account elsewhere",
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

// Enroll gives a person who brings a one-time link what they sign in with from now
// on: one whom an operator invited, or one who has lost it. Its memory is that of
// Login, for the same reason.
var Enroll = Function{
	Name: "enroll", Summary: "people come in by a one-time link",
	Methods: []string{"GET", "POST"}, Paths: []string{"/invite", "/recover"}, Page: true, Mails: true,
	Needs: []Need{
		on(Registry, GetItem, PutItem, UpdateItem, DeleteItem, ConditionCheckItem, Query),
		on(Sessions, GetItem, PutItem, UpdateItem, Query),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 1024, Timeout: 10 * time.Second,
}

// Logout ends the login session of a browser.
var Logout = Function{
	Name: "logout", Summary: "people sign out",
	Methods: []string{"GET", "POST"}, Paths: []string{"/logout"}, Page: true,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, GetItem, PutItem, UpdateItem, Query),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 5 * time.Second,
}

// MySessions shows people where they are signed in, and ends what they want.
var MySessions = Function{
	Name: "sessions", Summary: "a person's sessions, to see and to end",
	Methods: []string{"GET", "POST", "DELETE"},
	Paths:   []string{"/sessions", "/sessions/{id}", "/sessions/revoke-others"}, CORS: NamedOrigins,
	Needs: []Need{
		on(Registry, GetItem, Query, UpdateItem),
		on(Sessions, GetItem, PutItem, UpdateItem, Query),
		on(Audit, PutItem),
	},
	Memory: 256, Timeout: 10 * time.Second,
}

// Account is a person's own page: what they sign in with, where they are signed
// in, and what they let in. A new password is hashed here, which takes memory.
var Account = Function{
	Name: "account", Summary: "a person's page",
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

// Home is the front door.
var Home = Function{
	Name: "home", Summary: "what this is, and the way in",
	Methods: []string{"GET"}, Paths: []string{"/"}, Page: true,
	Memory: 128, Timeout: 3 * time.Second,
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

// Notify tells clients that a session has ended (OpenID Connect Back-Channel
// Logout), from the queue that the end of a session leaves behind.
var Notify = Function{
	Name: "notify", Summary: "tells clients of ended sessions", Every: time.Minute,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, Query, UpdateItem, DeleteItem),
		on(Audit, PutItem),
		on(Keys, GetSecretValue),
	},
	Memory: 256, Timeout: 50 * time.Second,
}

// SendMail sends the mail that people ask for, from a queue, so that whoever asks can
// not tell by the answer or its time whether anybody got mail.
var SendMail = Function{
	Name: "sendmail", Summary: "sends the mail that people asked for", Every: time.Minute, Mails: true,
	Needs: []Need{
		on(Registry, GetItem),
		on(Sessions, Query, PutItem, UpdateItem, DeleteItem),
		on(Audit, PutItem),
		on(Mail, SendEmail),
	},
	Memory: 256, Timeout: 50 * time.Second,
}
