package clientauth_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/replay"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// The calls of a refusal do not reveal whether a client exists. A good assertion of a
// known client costs the one write that makes it work once, and a text that is no
// assertion costs nothing.
func TestCostOfAssertions(t *testing.T) {
	wire := sessiontest.New(t)
	now := wire.Now
	key := tokentest.NewKey(t)
	item := client.EncodeClient(&client.Client{
		ID: signer, AuthMethods: []string{oauth.PrivateKeyJWT}, KeySet: keySet(t, "one", key.Public()),
	})
	if _, err := wire.Raw.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &wire.Registry, Item: item}); err != nil {
		t.Fatal(err)
	}
	guard := &clientauth.Guard{
		Issuer: routetest.Issuer, Clients: &client.Store{DB: wire.DB, Table: wire.Registry, Now: now},
		Replay:   &replay.Store{DB: wire.DB, Sessions: wire.Sessions, Now: now},
		Refusals: &audit.Refusals{DB: wire.DB, Sessions: wire.Sessions, Trail: wire.Trail},
	}
	assertion := func(id string, by tokentest.Mold) string {
		by.KeyID = "one"
		by.Claims = map[string]any{"iss": id, "sub": id, "aud": routetest.Issuer, "jti": "j", "exp": now(t.Context()).Unix() + 60}
		return by.Sign(t, nil)
	}
	good, stranger := tokentest.Mold{Key: key}, tokentest.Mold{Key: tokentest.NewKey(t)}
	cost := func(text string) []string {
		request := asserted(text)
		return wire.Wire.Count(func() { _, _ = guard.Authenticate(request) }).Calls
	}
	if got, want := cost(assertion(signer, good)), []string{"GetItem", "UpdateItem"}; !slices.Equal(got, want) {
		t.Errorf("the first costs %v, want %v", got, want)
	}
	if got, want := cost(assertion(signer, good)), []string{"UpdateItem"}; !slices.Equal(got, want) {
		t.Errorf("the next costs %v, want %v", got, want)
	}
	wrong, unknown := cost(assertion(signer, stranger)), cost(assertion("nobody", stranger))
	if len(wrong) != 3 || len(unknown) != len(wrong) {
		t.Errorf("a wrong key costs %v and an unknown client %v, want three calls each", wrong, unknown)
	}
	if got := cost("junk"); len(got) != 0 {
		t.Errorf("junk costs %v, want nothing", got)
	}
}
