package routetest

import (
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// A furnished stage has two resources and these clients.
const (
	Orders  = "https://orders.example.com"
	Billing = "https://billing.example.com"

	// Web is the operator's own page at App, Phone a native client, and Backend a
	// confidential client. OtherWeb is another page, at OtherApp.
	Web      = "web"
	Phone    = "phone"
	Backend  = "backend"
	OtherWeb = "other-web"
	App      = "https://app.example.com"
	OtherApp = "https://other.example.com"
)

// A Home is a furnished stage with a signed-in user.
type Home struct {
	*Stage
	// Secret is the secret of Backend.
	Secret string
	// Ada is the subject of the user ada.
	Ada string
}

// Furnish returns a stage with the resources, the clients and a user.
func Furnish(t testing.TB) *Home {
	t.Helper()
	h := &Home{Stage: New(t)}
	h.Protect(client.Resource{ID: Orders, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "orders:read"}, {Name: "orders:write"}}})
	h.Protect(client.Resource{ID: Billing, Algorithm: oauth.ES256, Lifetime: time.Minute, Scopes: []client.Scope{{Name: "billing:read"}}})
	h.Register(h.Client(Web, App))
	h.Register(h.Client(OtherWeb, OtherApp))
	h.Register(h.Client(Phone))
	backend := h.Client(Backend)
	backend.AuthMethods = nil
	h.Secret = h.Register(backend)
	h.Ada = h.AddUser("ada")
	return h
}

// Client returns one of the operator's own public clients, with all scopes.
func (h *Home) Client(id string, origins ...string) client.Client {
	return client.Client{
		ID: id, AuthMethods: []string{oauth.AuthNone}, Grants: []string{oauth.GrantRefreshToken}, FirstParty: true,
		Origins: origins, Idle: client.DefaultIdle, Absolute: client.DefaultAbsolute, Grace: client.DefaultGrace,
		Access: []client.Access{
			{Resource: Orders, Scopes: []string{"orders:read", "orders:write"}},
			{Resource: Billing, Scopes: []string{"billing:read"}},
			{Resource: contract.APIPath, Scopes: []string{contract.ScopeSessions}},
		},
	}
}
