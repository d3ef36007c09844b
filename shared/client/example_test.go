package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// A resource has one spelling. Clients may send another one.
func ExampleNormalizeResource() {
	for _, sent := range []string{"HTTPS://API.example.com:443/", "https://api.example.com/billing/", "http://api.example.com"} {
		id, err := client.NormalizeResource(sent)
		if err != nil {
			fmt.Println("refused:", err)
			continue
		}
		fmt.Println(id)
	}
	// Output:
	// https://api.example.com
	// https://api.example.com/billing/
	// refused: resource uses http on a host that is not loopback
}

// The registry stores the hash of a secret and never the secret.
func ExampleHashSecret() {
	secret := client.NewSecret()
	stored := client.HashSecret(secret)
	fmt.Println("well-formed:", client.ValidSecret(secret))
	fmt.Println("authenticates:", client.HashSecret(secret).SHA256 == stored.SHA256)
	fmt.Println("another one:", client.HashSecret(client.NewSecret()).SHA256 == stored.SHA256)
	fmt.Println("mistyped:", client.ValidSecret(secret[:len(secret)-1]+"?"))
	// Output:
	// well-formed: true
	// authenticates: true
	// another one: false
	// mistyped: false
}

// The first resource of a client is the one for requests that name none.
func ExampleClient_Scopes() {
	c := client.Client{
		ID: "worker", AuthMethods: []string{oauth.ClientSecretBasic}, Grants: []string{oauth.GrantClientCredentials},
		Access: []client.Access{
			{Resource: "https://api.example.com", Scopes: []string{"invoices.read"}},
			{Resource: "https://mail.example.com", Scopes: []string{"send"}},
		},
	}
	scopes, ok := c.Scopes(c.DefaultResource())
	fmt.Println(c.DefaultResource(), scopes, ok)
	_, ok = c.Scopes("https://other.example.com")
	fmt.Println("access to another resource:", ok)
	fmt.Println("may refresh:", c.MayUse(oauth.GrantRefreshToken))
	// Output:
	// https://api.example.com [invoices.read] true
	// access to another resource: false
	// may refresh: false
}

// The id of a client with a metadata document is the URL of the document. A Store
// asks its field Documents for such a client, and not the registry.
func ExampleStore_Client() {
	store := client.Store{
		Now: func(context.Context) time.Time { return time.Now() },
		Documents: func(_ context.Context, url string) (*client.Client, error) {
			if url != "https://app.example.com/client.json" {
				return nil, client.ErrUnknown
			}
			return &client.Client{ID: url, SelfRegistered: true, AuthMethods: []string{oauth.AuthNone}}, nil
		},
	}
	c, err := store.Client(context.Background(), "https://app.example.com/client.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.ID, "is public:", c.Public())
	_, err = store.Client(context.Background(), "https://other.example.com/client.json")
	fmt.Println("unknown:", errors.Is(err, client.ErrUnknown))
	// Output:
	// https://app.example.com/client.json is public: true
	// unknown: true
}
