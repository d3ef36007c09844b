package registry_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/tools/registry"
)

func TestParse(t *testing.T) {
	doc, err := registry.Parse("registry.yaml", []byte(`
clients: # before the resources that they refer to
  - id: worker
    name: Worker
    auth_methods: [client_secret_post]
    grants: [client_credentials]
    access:
      - {resource: "HTTPS://API.Example.com:443/", scopes: [read, write]}
      - resource: /api
        scopes: [ready]
        default: true
    introspects: [https://api.example.com]
    redirect_uris: [https://app.example.com/cb]
    origins: [https://app.example.com]
    first_party: true
    idle: 36h
    absolute: 7d
    grace: 0s
    secrets:
      - sha256: "0101010101010101010101010101010101010101010101010101010101010101"
        expires: 2027-01-31T01:00:00+01:00
resources:
  - id: https://api.example.com/
    algorithm: RS256
    lifetime: 90s
    scopes: {read: Read it, write: }
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &registry.Document{
		Resources: []client.Resource{{
			ID: "https://api.example.com", Algorithm: oauth.RS256, Lifetime: 90 * time.Second,
			Scopes: []client.Scope{{Name: "read", Description: "Read it"}, {Name: "write"}},
		}},
		Clients: []client.Client{{
			ID: "worker", Name: "Worker", AuthMethods: []string{"client_secret_post"}, Grants: []string{"client_credentials"},
			Access: []client.Access{
				{Resource: "/api", Scopes: []string{"ready"}},
				{Resource: "https://api.example.com", Scopes: []string{"read", "write"}},
			},
			Introspects: []string{"https://api.example.com"}, RedirectURIs: []string{"https://app.example.com/cb"}, FirstParty: true,
			Origins: []string{"https://app.example.com"}, Idle: 36 * time.Hour, Absolute: 7 * 24 * time.Hour,
			Secrets: []client.Secret{{
				ID: "01010101", SHA256: [32]byte([]byte(strings.Repeat("\x01", 32))),
				NotAfter: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
			}},
		}},
		Sections: []registry.Kind{registry.KindResource, registry.KindClient},
	}
	if !reflect.DeepEqual(doc, want) {
		t.Errorf("Parse =\n%+v, want\n%+v", doc, want)
	}
}

func TestParseDefaults(t *testing.T) {
	doc, err := registry.Parse("registry.yaml", []byte("resources: [{id: urn:a:b}]\nclients: [{id: c}]\nusers: []\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r := doc.Resources[0]; r.Algorithm != oauth.ES256 || r.Lifetime != client.DefaultLifetime {
		t.Errorf("resource = %+v, want ES256 and 5m", r)
	}
	if c := doc.Clients[0]; len(c.AuthMethods) != 2 || c.Secrets != nil || c.Grants != nil {
		t.Errorf("client = %+v, want both secret methods, no secrets and no grants", c)
	} else if c.Idle != client.DefaultIdle || c.Absolute != client.DefaultAbsolute || c.Grace != client.DefaultGrace {
		t.Errorf("client = %+v, want the usual lives of a grant", c)
	}
	if !doc.Has(registry.KindUser) || len(doc.Users) != 0 {
		t.Errorf("users = %v of sections %v, want an empty section", doc.Users, doc.Sections)
	}
}

// broken has a mistake in every line that is marked with the position and the
// message that it must get. Nothing else may be reported.
func TestParseErrors(t *testing.T) {
	for _, file := range []string{"clients", "grants", "strict", "keys", "resources", "upstreams", "users", "shapes"} {
		t.Run(file, func(t *testing.T) {
			name := "testdata/" + file + ".yaml"
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = registry.Parse(name, data)
			found, ok := errors.AsType[registry.Errors](err)
			if !ok {
				t.Fatalf("Parse(%s) = %v, want registry.Errors", name, err)
			}
			var got []string
			for _, e := range found {
				got = append(got, fmt.Sprintf("%d: %s", e.Line, e.Message))
				if e.File != name || e.Column < 1 {
					t.Errorf("error %+v, want the file %s and a column", e, name)
				}
			}
			var want []string
			for i, line := range strings.Split(string(data), "\n") {
				if _, comment, ok := strings.Cut(line, "#! "); ok {
					for message := range strings.SplitSeq(comment, " | ") {
						want = append(want, fmt.Sprintf("%d: %s", i+1, message))
					}
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("Parse(%s) reports\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// Mistakes of the file as a whole, with the exact place.
func TestParseSyntax(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", "f.yaml:1:1: file is empty"},
		{"only a comment", "# nothing\n", "f.yaml:1:1: file is empty"},
		{"not a mapping", "- a\n", "f.yaml:1:1: the file is not a mapping of fields"},
		{"unclosed", "clients: [\n", "f.yaml:1:10: sequence end token ']' not found"},
		{"tab", "clients:\n\t- id: a\n", "f.yaml:2:1: found character '\t' that cannot start any token"},
		{"two documents", "clients: []\n---\nclients: []\n", "f.yaml:3:1: file has a second YAML document"},
		{"not UTF-8", "clients: \xff\n", "f.yaml:1:1: file is not UTF-8 text"},
		{"anchor", "clients: &a []\n", "f.yaml:1:10: clients uses an anchor, an alias or a tag, which a registry file cannot have"},
		{"bomb", "clients: [*a, *a]\n", "f.yaml:1:11: a client uses an anchor, an alias or a tag, which a registry file cannot have\n" +
			"f.yaml:1:15: a client uses an anchor, an alias or a tag, which a registry file cannot have"},
		{"merge key", "clients:\n  - <<: {id: a}\n", "f.yaml:2:5: key in a client is not plain text\nf.yaml:2:5: client has no id"},
		{"second section", "clients: []\nclients: []\n", `f.yaml:2:1: field "clients" is given twice, first in line 1`},
		{"too large", strings.Repeat("#", 1<<20+1), "f.yaml:1:1: file is larger than 1048576 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := registry.Parse("f.yaml", []byte(tt.in))
			if err == nil || err.Error() != tt.want {
				t.Errorf("Parse(%.40q) = %v, %v, want %s", tt.in, doc, err, tt.want)
			}
		})
	}
}

// A list that would make an item too large is refused; a section has no such bound.
func TestParseBounds(t *testing.T) {
	var clients, scopes strings.Builder
	for i := range 201 {
		fmt.Fprintf(&clients, "  - id: c%d\n", i)
		fmt.Fprintf(&scopes, "      s%d: Scope\n", i)
	}
	if _, err := registry.Parse("f.yaml", []byte("clients:\n"+clients.String())); err != nil {
		t.Errorf("Parse(201 clients) = %v, want them all", err)
	}
	_, err := registry.Parse("f.yaml", []byte("resources:\n  - id: urn:a:b\n    scopes:\n"+scopes.String()))
	if want := "f.yaml:4:7: scopes has more than 200 entries"; err == nil || err.Error() != want {
		t.Errorf("Parse(201 scopes) = %v, want %s", err, want)
	}
}

// A message does not repeat a secret that was entered instead of its hash or in an
// unknown field.
func TestParseErrorsHideSecrets(t *testing.T) {
	secret := client.NewSecret()
	for _, field := range []string{"sha256", "secret", "client_secret", "expires"} {
		in := fmt.Sprintf("clients: [{id: a, secrets: [{%s: %s}]}]", field, secret)
		_, err := registry.Parse("f.yaml", []byte(in))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Parse(a secret as %s) = %v, want an error that does not show it", field, err)
		}
	}
	_, err := registry.Parse("f.yaml", []byte("clients: [{id: "+secret+"}]"))
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("Parse(a secret as id) = %v, want an error that does not show it", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/clients.yaml", "testdata/grants.yaml", "testdata/strict.yaml", "testdata/keys.yaml", "testdata/resources.yaml", "testdata/upstreams.yaml", "testdata/users.yaml", "testdata/shapes.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("clients: &a [*a, !!str b, {<<: c}, ? d]\n--- |\n x\n..."))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := registry.Parse("f.yaml", data)
		if (doc == nil) == (err == nil) {
			t.Errorf("Parse(%q) = %v, %v, want a document or an error", data, doc, err)
		}
	})
}
