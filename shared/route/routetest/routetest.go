// Package routetest gives the tests of routes a stage: tables in a real engine,
// keys, registered clients, and a way to call a handler through the shared
// steps.
package routetest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Issuer is the issuer of the stage.
const Issuer = "https://auth.example.com"

// Stage is the environment of a route. Tests set Time to move its clock. If Time is
// zero, the time is that of the request, as in production.
type Stage struct {
	T        testing.TB
	DB       *dynamodb.Client
	Table    func(contract.Resource) string
	Document *keys.Document
	Time     time.Time
	Log      bytes.Buffer
}

// New returns a stage with published keys.
func New(t testing.TB) *Stage {
	t.Helper()
	s := &Stage{T: t, Time: time.Now().Truncate(time.Second)}
	s.DB, s.Table = enginetest.DB(t)
	d, err := keys.Generate(s.Time)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(d)
	return s
}

// Now is the clock of the stage.
func (s *Stage) Now(ctx context.Context) time.Time {
	if s.Time.IsZero() {
		return httpapi.Now(ctx)
	}
	return s.Time
}

// Claims are the claims of an access token, unverified.
func Claims(t testing.TB, accessToken string) map[string]any {
	t.Helper()
	parts := strings.Split(accessToken, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", accessToken)
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Keys are the private keys, as a vault would give them.
func (s *Stage) Keys(context.Context) (*keys.Document, error) { return s.Document, nil }

// Publish makes d the keys of the stage.
func (s *Stage) Publish(d *keys.Document) {
	s.T.Helper()
	publics, err := d.Public()
	if err != nil {
		s.T.Fatal(err)
	}
	var items dynamo.Tx
	for _, p := range publics {
		items = append(items, published.Put(s.Table(contract.Registry), p))
	}
	s.write(items...)
	s.Document = d
}

// Register stores a client with a new secret and returns the secret; a public
// client has none.
func (s *Stage) Register(c client.Client) string {
	s.T.Helper()
	secret := ""
	if !c.Public() {
		secret = client.NewSecret()
		c.Secrets = []client.Secret{client.HashSecret(secret)}
	}
	if c.AuthMethods == nil {
		c.AuthMethods = []string{oauth.ClientSecretBasic, oauth.ClientSecretPost}
	}
	s.write(dynamo.Put(s.Table(contract.Registry), client.EncodeClient(&c)))
	return secret
}

// Protect stores a resource.
func (s *Stage) Protect(r client.Resource) {
	s.T.Helper()
	if r.Lifetime == 0 {
		r.Lifetime = client.DefaultLifetime
	}
	s.write(dynamo.Put(s.Table(contract.Registry), client.EncodeResource(&r)))
}

func (s *Stage) write(writes ...dynamo.Write) {
	s.T.Helper()
	if err := dynamo.Tx(writes).Run(context.Background(), s.DB); err != nil {
		s.T.Fatal(err)
	}
}

// Clients returns a new store of clients with an empty cache.
func (s *Stage) Clients() *client.Store {
	return &client.Store{DB: s.DB, Table: s.Table(contract.Registry), Now: s.Now}
}

// Published returns a new store of public keys.
func (s *Stage) Published() *published.Store {
	return &published.Store{DB: s.DB, Table: s.Table(contract.Registry), Now: s.Now}
}

// Minter signs with the keys of the stage.
func (s *Stage) Minter() *token.Minter {
	return &token.Minter{Issuer: Issuer, Keys: s.Keys, Now: s.Now}
}

// Route wraps h in the shared steps.
func (s *Stage) Route(f contract.Function, h httpapi.Handler) *httpapi.Route {
	return &httpapi.Route{
		Function: f, Stage: "test", Issuer: Issuer, Handler: h,
		Origins: websec.Origins(s.Clients()),
		Log:     &httpapi.Log{W: &s.Log},
	}
}
