package registry

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/listtest"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// A field of an entry stands in five places: in the Go type, in the parser, in what
// is stored, among the traits that a plan compares, and in docs/registry.md. Of a
// field without a trait, a plan would call every change "unchanged".

// kind is a kind of entry with a change of each of its fields.
type kind struct {
	of Kind
	// section is what the file calls the entries, and heading where
	// docs/registry.md explains their fields.
	section, heading string
	// unsaid are the fields of the Go type that no file speaks of.
	unsaid []string
	// entry is what an entry of a document is stored and compared as, and fields
	// are the names of the fields in which the entries of two documents differ.
	entry  func(*Document) entry
	fields func(a, b *Document) []string
	all    []string
	// changes are pairs of entries that differ in one field.
	changes []fieldChange
}

// fieldChange is an entry before and after a field has changed, and what a plan then
// calls what has changed: the name of the field if it says nothing else.
type fieldChange struct {
	field, before, after string
	traits               []string
}

const (
	app     = "id: app, grants: [authorization_code, refresh_token], redirect_uris: [https://a.example/cb], identity: [openid]"
	machine = "id: app, grants: [client_credentials]"
	server  = "id: app, first_party: true, grants: ['urn:ietf:params:oauth:grant-type:token-exchange'], access: [{resource: /api}, {resource: 'urn:a:b'}]"
	signing = "id: app, auth_methods: [private_key_jwt], "
	keyOne  = "{kid: one, kty: OKP, crv: Ed25519, x: hgjwV2YH-OSwWbYnqJtOSug9OjC13pNHnrn3R0W_Tlk}"
	keyTwo  = "{kid: two, kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}"
	keyEC   = "{kid: one, kty: EC, crv: P-256, x: 2fc1VrBVx8z6KZpa9B9onP74ULnh-Fh6WvjE9HUBfL0, y: hpIph0PXV8Ei5e6xsH9xOBbxXhMR9KywDfXp6ZCLNS8}"
	hashOne = "4443128cb3830dbf8a31795496dd2924772bfca807242dbbe6bba51b3d408909"
	hashTwo = "cd1c1c71c82fc3c1d5aab57857fa8fb33ed99a47750ede426ccf20dc549e5a5c"
)

var kinds = []kind{
	{
		of: KindResource, section: "resources", heading: "## Resources", unsaid: []string{"Revision"},
		entry:  func(d *Document) entry { return resourceEntry(last(d.Resources)) },
		fields: func(a, b *Document) []string { return listtest.Differences(last(a.Resources), last(b.Resources)) },
		all:    names[client.Resource](),
		changes: []fieldChange{
			{field: "id", before: "id: 'urn:a:c'", after: "id: 'urn:a:d'", traits: []string{}},
			{field: "name", before: "id: 'urn:a:c'", after: "id: 'urn:a:c', name: A"},
			{field: "algorithm", before: "id: 'urn:a:c'", after: "id: 'urn:a:c', algorithm: RS256"},
			{field: "lifetime", before: "id: 'urn:a:c'", after: "id: 'urn:a:c', lifetime: 10m"},
			{field: "scopes", before: "id: 'urn:a:c'", after: "id: 'urn:a:c', scopes: {a: A}", traits: []string{"scope a"}},
			{field: "self_registered", before: "id: 'urn:a:c', scopes: {a: A}", after: "id: 'urn:a:c', scopes: {a: A}, self_registered: [a]"},
		},
	},
	{
		of: KindClient, section: "clients", heading: "## Clients", unsaid: []string{"Revision", "SelfRegistered"},
		entry:  func(d *Document) entry { return clientEntry(last(d.Clients)) },
		fields: func(a, b *Document) []string { return listtest.Differences(last(a.Clients), last(b.Clients)) },
		all:    names[client.Client](),
		changes: []fieldChange{
			{field: "id", before: "id: app", after: "id: other", traits: []string{}},
			{field: "name", before: "id: app", after: "id: app, name: App"},
			{field: "first_party", before: "id: app", after: "id: app, first_party: true"},
			{field: "disabled", before: "id: app", after: "id: app, disabled: true"},
			{field: "auth_methods", before: "id: app", after: "id: app, auth_methods: [client_secret_post]"},
			{
				field: "secrets", before: "id: app, secrets: [{sha256: " + hashOne + "}]", traits: []string{"secret 4443128c"},
				after: "id: app, secrets: [{sha256: " + hashOne + ", expires: '2027-01-31T00:00:00Z'}]",
			},
			{
				field: "secrets", before: "id: app", after: "id: app, secrets: [{sha256: " + hashTwo + "}]",
				traits: []string{"secret cd1c1c71"},
			},
			{
				field:  "jwks",
				before: signing + "token_endpoint_auth_signing_alg: EdDSA, jwks: {keys: [" + keyOne + "]}",
				after:  signing + "token_endpoint_auth_signing_alg: EdDSA, jwks: {keys: [" + keyOne + ", " + keyTwo + "]}",
				traits: []string{"key two"},
			},
			{
				field:  "token_endpoint_auth_signing_alg",
				before: signing + "jwks: {keys: [" + keyEC + "]}",
				after:  signing + "token_endpoint_auth_signing_alg: EdDSA, jwks: {keys: [" + keyOne + "]}",
				traits: []string{"token_endpoint_auth_signing_alg", "key one"},
			},
			{field: "dpop_bound_access_tokens", before: "id: app", after: "id: app, dpop_bound_access_tokens: true"},
			{field: "dpop_nonce", before: "id: app", after: "id: app, dpop_nonce: true"},
			{field: "grants", before: "id: app", after: machine},
			{
				field: "access", before: machine + ", access: [{resource: 'urn:a:b'}]",
				after: machine + ", access: [{resource: 'urn:a:b', scopes: [a]}]", traits: []string{"access urn:a:b"},
			},
			{
				field: "access", before: machine + ", access: [{resource: 'urn:a:b'}, {resource: /api}]",
				after: machine + ", access: [{resource: 'urn:a:b'}, {resource: /api, default: true}]", traits: []string{"default resource"},
			},
			{field: "identity", before: app, after: strings.Replace(app, "[openid]", "[openid, email]", 1)},
			{field: "introspects", before: "id: app", after: "id: app, introspects: [/api]"},
			{field: "exchanges", before: server, after: server + ", exchanges: [/api]"},
			{field: "id_token_signed_response_alg", before: app, after: app + ", id_token_signed_response_alg: RS256"},
			{field: "redirect_uris", before: app, after: strings.Replace(app, "/cb]", "/back]", 1)},
			{field: "require_pushed_authorization_requests", before: app, after: app + ", require_pushed_authorization_requests: true"},
			{field: "post_logout_redirect_uris", before: "id: app", after: "id: app, post_logout_redirect_uris: [https://a.example/]"},
			{field: "backchannel_logout_uri", before: "id: app", after: "id: app, backchannel_logout_uri: https://a.example/out"},
			{field: "origins", before: "id: app", after: "id: app, origins: [https://a.example]"},
			{field: "idle", before: "id: app", after: "id: app, idle: 1h"},
			{field: "absolute", before: "id: app", after: "id: app, absolute: 20d"},
			{field: "grace", before: "id: app", after: "id: app, grace: 10s"},
		},
	},
	{
		of: KindUpstream, section: "upstreams", heading: "## Upstreams", unsaid: []string{"Revision"},
		entry:  func(d *Document) entry { return upstreamEntry(last(d.Upstreams)) },
		fields: func(a, b *Document) []string { return listtest.Differences(last(a.Upstreams), last(b.Upstreams)) },
		all:    names[upstream.Upstream](),
		changes: []fieldChange{
			{field: "id", before: "id: up, type: google, client_id: a", after: "id: other, type: google, client_id: a", traits: []string{}},
			{field: "name", before: "id: up, type: google, client_id: a", after: "id: up, name: Up, type: google, client_id: a"},
			{
				field: "type", before: "id: up, name: Up, type: google, client_id: a, scopes: [openid]",
				after: "id: up, name: Up, type: oidc, issuer: https://accounts.google.com, client_id: a, scopes: [openid]",
			},
			{
				field: "issuer", before: "id: up, name: Up, type: oidc, issuer: https://a.example, client_id: a",
				after: "id: up, name: Up, type: oidc, issuer: https://b.example, client_id: a",
			},
			{field: "client_id", before: "id: up, type: google, client_id: a", after: "id: up, type: google, client_id: b"},
			{field: "scopes", before: "id: up, type: google, client_id: a", after: "id: up, type: google, client_id: a, scopes: [openid]"},
			{field: "first_sign_in", before: "id: up, type: google, client_id: a", after: "id: up, type: google, client_id: a, first_sign_in: create"},
			{
				field: "domains", before: "id: up, type: google, client_id: a, first_sign_in: domains, domains: [a.example]",
				after: "id: up, type: google, client_id: a, first_sign_in: domains, domains: [b.example]",
			},
			{field: "disabled", before: "id: up, type: google, client_id: a", after: "id: up, type: google, client_id: a, disabled: true"},
		},
	},
	{
		of: KindUser, section: "users", heading: "## Users",
		unsaid: []string{"Subject", "OTP", "Credentials", "AuthGen", "Revision", "password"},
		entry:  func(d *Document) entry { return userEntry(last(d.Users)) },
		fields: func(a, b *Document) []string { return listtest.Differences(last(a.Users), last(b.Users)) },
		all:    names[identity.User](),
		changes: []fieldChange{
			{field: "user_name", before: "user_name: ann", after: "user_name: Ann"},
			{field: "name", before: "user_name: ann", after: "user_name: ann, name: Ann"},
			{field: "email", before: "user_name: ann", after: "user_name: ann, email: ann@a.example"},
			{
				field: "email_verified", before: "user_name: ann, email: ann@a.example",
				after: "user_name: ann, email: ann@a.example, email_verified: true",
			},
			{field: "disabled", before: "user_name: ann", after: "user_name: ann, disabled: true"},
		},
	},
}

func last[T any](all []T) *T { return &all[len(all)-1] }

// names are those of the fields of a struct.
func names[T any]() []string {
	var all []string
	for f := range reflect.TypeFor[T]().Fields() {
		all = append(all, f.Name)
	}
	return all
}

// read parses a file with one entry beside a resource that it may refer to.
func (k *kind) read(t *testing.T, body string) *Document {
	t.Helper()
	file := "resources:\n  - {id: 'urn:a:b', scopes: {a: A}}\n"
	if k.section != "resources" {
		file += k.section + ":\n"
	}
	doc, err := Parse("registry.yaml", []byte(file+"  - {"+body+"}\n"))
	if err != nil {
		t.Fatalf("Parse({%s}) = %v", body, err)
	}
	return doc
}

// known are the fields that the parser takes.
func (k *kind) known(t *testing.T) []string {
	t.Helper()
	_, err := Parse("registry.yaml", []byte(k.section+": [{no such field: 1}]"))
	found, ok := errors.AsType[Errors](err)
	if !ok {
		t.Fatalf("Parse(an unknown field) = %v, want Errors", err)
	}
	for _, e := range found {
		if _, list, ok := strings.Cut(e.Message, "; there are "); ok {
			return strings.Split(list, ", ")
		}
	}
	t.Fatalf("Parse(an unknown field) = %v, want the fields that there are", err)
	return nil
}

func TestEveryFieldIsParsedAndStoredAndCompared(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.section, func(t *testing.T) {
			left := map[string]bool{}
			for _, name := range k.all {
				left[name] = !slices.Contains(k.unsaid, name)
			}
			for _, c := range k.changes {
				before, after := k.read(t, c.before), k.read(t, c.after)
				changed := k.fields(before, after)
				if len(changed) == 0 {
					t.Errorf("the parser reads nothing from %s", c.field)
				}
				for _, name := range changed {
					left[name] = false
				}
				checkStored(t, c.field, k.entry(before), k.entry(after))
				checkTraits(t, c, k.entry(before), k.entry(after))
			}
			for _, name := range k.all {
				if left[name] {
					t.Errorf("no change of a field of %s in a file changes %s", k.section, name)
				}
			}
		})
	}
}

// checkStored wants a change of a field in the item, and the same entry back out of
// it.
func checkStored(t *testing.T, field string, before, after entry) {
	t.Helper()
	if reflect.DeepEqual(before.item, after.item) {
		t.Errorf("a change of %s is not stored", field)
	}
	if after.kind == KindUser { // which needs what the registry gives it
		after.item["rev"] = dynamo.Number(1)
		after.item["id"] = dynamo.Text("usr_1")
	}
	stored, err := decode(after.item)
	if err != nil || !slices.Equal(stored.traits, after.traits) {
		t.Errorf("%s, stored and read, is %v, %v, want %v", field, stored.traits, err, after.traits)
	}
}

// checkTraits wants that a plan shows the change, by the name of the field.
func checkTraits(t *testing.T, c fieldChange, before, after entry) {
	t.Helper()
	want := c.traits
	if want == nil {
		want = []string{c.field}
	}
	for _, diff := range [][]Field{difference(&before, &after), difference(&after, &before)} {
		got := []string{}
		for _, f := range diff {
			got = append(got, f.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("a plan shows a change of %s as %q, want %q", c.field, got, want)
		}
	}
}

func TestEveryFieldIsExplained(t *testing.T) {
	const file = "testdata/registry.md" // a link to docs/registry.md
	for _, k := range kinds {
		t.Run(k.section, func(t *testing.T) {
			known := k.known(t)
			var changed []string
			for _, c := range k.changes {
				changed = append(changed, c.field)
			}
			listtest.Agree(t, "the parser of "+k.section, known, "the list of changes in this test", changed)
			rows := listtest.Table(t, file, k.heading, "field")
			listtest.Agree(t, "docs/registry.md", listtest.Column(rows, 0), "the parser of "+k.section, known)
		})
	}
	rows := listtest.Table(t, file, "### Grants", "grant")
	listtest.Agree(t, "docs/registry.md", listtest.Column(rows, 0), "the parser of grants", grants)
	listtest.Agree(t, "the parser of grants", grants, "package oauth", constants(t, "oauth", "", "Grant"))
	listtest.Agree(t, "the ids that are reserved", reserved, "package opaque",
		append(prefixes(constants(t, "opaque", "Kind", "")), "tipstaff", identity.SubjectPrefix))
	var scopes []string
	for _, s := range contract.APIScopes {
		scopes = append(scopes, s.Name)
		if about := strings.Join(listtest.Section(t, file, "## Resources"), ""); !slices.Contains(listtest.Quoted(about), s.Name) {
			t.Errorf("docs/registry.md does not name the scope %s of our own API", s.Name)
		}
	}
	listtest.Agree(t, "contract.APIScopes", scopes, "the constants of the contract", constants(t, "contract", "", "Scope"))
	explained := map[string][]string{}
	for _, heading := range []string{"## Resources", "## Clients", "## Upstreams"} {
		for _, row := range listtest.Table(t, file, heading, "field") {
			for _, field := range listtest.Quoted(row[0]) {
				explained[field] = append(explained[field], listtest.Quoted(strings.Join(row[1:], " "))...)
			}
		}
	}
	for field, words := range map[string][]string{
		"id": reserved, "algorithm": {oauth.ES256, oauth.RS256}, "auth_methods": authMethods, "identity": oauth.IdentityScopes,
		"token_endpoint_auth_signing_alg": assertionAlgorithms, "id_token_signed_response_alg": {oauth.ES256, oauth.RS256},
		"type": upstream.Types, "first_sign_in": upstream.Rules,
	} {
		for _, word := range words {
			if !slices.Contains(explained[field], word) {
				t.Errorf("docs/registry.md does not say that %s may be, or may not begin with, %q", field, word)
			}
		}
	}
}

// constants returns the texts of the constants of a type, "" for none, in a package
// beside this one. Their names begin with prefix.
func constants(t *testing.T, pkg, of, prefix string) []string {
	t.Helper()
	var texts []string
	for name, text := range listtest.Constants(t, "../../shared/"+pkg, of) {
		if strings.HasPrefix(name, pkg+"."+prefix) {
			texts = append(texts, text)
		}
	}
	return texts
}

// prefixes are the kinds that begin a value. The other kinds only stand under a MAC.
func prefixes(kinds []string) []string {
	return slices.DeleteFunc(kinds, func(kind string) bool { return !strings.HasSuffix(kind, "_") })
}
