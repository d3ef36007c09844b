package passkey_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// here is the binding of the challenges in these tests.
const here = "sign in\x00a browser"

// bench is a stage with a user, ada, who has a device with a passkey.
type bench struct {
	*routetest.Home
	party  *passkey.Party
	device *routetest.Authenticator
	key    *passkey.Passkey
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{Home: routetest.Furnish(t)}
	b.party, b.device = b.Passkeys(), b.Authenticator()
	b.key = b.AddPasskey(b.Ada, b.device)
	return b
}

// ask returns new options of a sign-in with the binding here.
func (b *bench) ask() string {
	b.T.Helper()
	options, err := b.party.SignIn(b.T.Context(), here)
	if err != nil {
		b.T.Fatal(err)
	}
	return options
}

func (b *bench) verify(response string) (*passkey.Assertion, error) {
	return b.party.Verify(b.T.Context(), passkey.Answer{Response: response, Binding: here, RequestID: "r-1"})
}

// prove signs in as far as Verify.
func (b *bench) prove() *passkey.Assertion {
	b.T.Helper()
	a, err := b.verify(b.device.Get(b.ask()))
	if err != nil {
		b.T.Fatalf("Verify = %v", err)
	}
	return a
}

// enter creates the login of an assertion.
func (b *bench) enter(a *passkey.Assertion) error {
	_, _, err := b.Sessions().CreateLogin(b.T.Context(), session.NewLogin{
		Subject: a.User.Subject, AuthGen: a.User.AuthGen, AuthTime: b.Time, AMR: []string{"pop", "user", "mfa"}, Also: a.Also,
	})
	return err
}

// create makes another passkey with the device, and verifies it.
func (b *bench) create(name string) (*passkey.Made, error) {
	b.T.Helper()
	options, err := b.party.Create(b.T.Context(), passkey.Person{Subject: b.Ada, UserName: "ada"}, nil, here)
	if err != nil {
		b.T.Fatal(err)
	}
	return b.party.Attest(b.T.Context(), passkey.Registration{
		Subject: b.Ada, Name: name, Answer: passkey.Answer{Response: b.device.Create(options), Binding: here},
	})
}

func (b *bench) ada() *identity.User {
	b.T.Helper()
	u, err := b.People().Get(b.T.Context(), b.Ada)
	if err != nil {
		b.T.Fatal(err)
	}
	return u
}

func (b *bench) stored() *passkey.Passkey {
	b.T.Helper()
	k, err := b.party.Store.Get(b.T.Context(), b.Ada, b.key.ID())
	if err != nil {
		b.T.Fatal(err)
	}
	return k
}

// put writes an item of the registry.
func (b *bench) put(it dynamo.Item) {
	b.T.Helper()
	table := b.Table(contract.Registry)
	if _, err := b.DB.PutItem(b.T.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it}); err != nil {
		b.T.Fatal(err)
	}
}

// members returns the members of a JSON object.
func members(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return m
}
