package registry_test

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/tools/registry"
)

// example is the example of the documentation.
func example(t *testing.T) string {
	t.Helper()
	file, err := os.ReadFile("testdata/example.yaml") // a link to docs/examples/registry.yaml
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

// The example of the documentation is complete and correct.
func TestExample(t *testing.T) {
	b := newBench(t)
	secrets := b.apply(example(t), false)
	want := []string{"billing-api", "billing-app", "billing-gateway", "billing-worker", "partner-portal"}
	if names := slices.Sorted(maps.Keys(secrets)); !reflect.DeepEqual(names, want) {
		t.Errorf("clients with a new secret = %v, want %v: those that have none, and need one", names, want)
	}
	if plan := b.plan(example(t), true); len(plan.Pending()) != 0 {
		t.Errorf("plan after apply =\n%s, want nothing", plan)
	}
	store := &client.Store{DB: b.DB, Table: b.Table, Now: httpapi.Now}
	find := func(id string) *client.Client {
		c, err := store.Client(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if size := itemSize(client.EncodeClient(c)); size > 1024 {
			t.Errorf("the item of %s has %d bytes, want at most 1024: one unit", id, size)
		}
		return c
	}
	if c := find("operations"); c.DefaultResource() != client.API || len(c.Secrets) != 2 {
		t.Errorf("operations = %+v, want two secrets and the API as default", c)
	}
	if c := find("bank"); !c.RequirePAR || !c.RequireDPoP || !c.DPoPNonce || c.AssertionAlgorithm != "EdDSA" || len(c.KeySet) == 0 || len(c.Secrets) != 0 {
		t.Errorf("bank = %+v, want all that makes it strict, and no secret", c)
	}
	if c := find("billing-api"); !c.MayUse(oauth.GrantTokenExchange) || !c.MayExchange("urn:example:reports") {
		t.Errorf("billing-api = %+v, want it to exchange tokens for reports", c)
	}
	if r, err := store.Resource(t.Context(), "https://mcp.example.com/mcp"); err != nil || !slices.Equal(r.SelfRegistered, []string{"tools:read"}) {
		t.Errorf("MCP server = %+v, %v, want it open for tools:read", r, err)
	}
	upstreams, err := (&upstream.Store{DB: b.DB, Registry: b.Table, Now: httpapi.Now}).All(t.Context())
	if err != nil || len(upstreams) != 3 || upstreams[0].Name != "GitHub" || upstreams[1].Issuer != upstream.GoogleIssuer || !upstreams[2].Disabled {
		t.Errorf("upstreams = %+v, %v, want GitHub, Google and a partner who is disabled", upstreams, err)
	}
	if u := b.user("ann"); !u.EmailVerified {
		t.Errorf("ann = %+v, want a verified address", u)
	}
}

// What the example shows is everything that there is: every grant, every way of
// proving oneself, every identity scope, every field.
func TestExampleShowsEverything(t *testing.T) {
	doc, err := registry.Parse("example.yaml", []byte(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	see := func(words ...string) {
		for _, w := range words {
			shown[w] = true
		}
	}
	left := fieldsOf(client.Client{}, "SelfRegistered", "Revision")
	for _, c := range doc.Clients {
		see(c.Grants...)
		see(c.AuthMethods...)
		see(c.Identity...)
		if c.Grace == client.DefaultGrace { // and so for the others, which are never zero
			c.Grace = 0
		}
		cross(left, c)
	}
	all := slices.Concat(
		[]string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials, oauth.GrantDeviceCode, oauth.GrantTokenExchange},
		[]string{oauth.ClientSecretBasic, oauth.ClientSecretPost, oauth.PrivateKeyJWT, oauth.AuthNone}, oauth.IdentityScopes,
		upstream.Types, upstream.Rules,
	)
	resources := fieldsOf(client.Resource{}, "Revision")
	for _, r := range doc.Resources {
		cross(resources, r)
	}
	maps.Copy(left, resources)
	upstreams := fieldsOf(upstream.Upstream{}, "Revision")
	for _, u := range doc.Upstreams {
		see(u.Type, u.FirstSignIn)
		cross(upstreams, u)
	}
	maps.Copy(left, upstreams)
	for _, word := range all {
		if !shown[word] {
			t.Errorf("the example shows no %s", word)
		}
	}
	for name := range left {
		t.Errorf("the example shows no %s", name)
	}
}

// fieldsOf are the fields of a struct but for some.
func fieldsOf(v any, but ...string) map[string]bool {
	fields := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		if !slices.Contains(but, f.Name) {
			fields[f.Name] = true
		}
	}
	return fields
}

// cross takes out the fields that are set in v.
func cross(fields map[string]bool, v any) {
	value := reflect.ValueOf(v)
	for name := range fields {
		if !value.FieldByName(name).IsZero() {
			delete(fields, name)
		}
	}
}
