package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/tools/registry"
)

// demoYAML is the registry file of the demo clients.
//
//go:embed demo.yaml
var demoYAML string

// demo holds the variables of demo.env, which scripts read. The secrets stay the
// same from start to start, so that a shell that has read the file keeps working.
type demo struct {
	path   string
	values []variable
}

type variable struct{ name, value string }

// A start generates the client secrets, which it knows by their suffix, and the
// password of the user.
const (
	secretSuffix = "_SECRET"
	userPassword = "USER_PASSWORD"
)

// newDemo reads the secrets and the password of an earlier start from dir, and
// generates those that are missing.
func newDemo(dir, issuer string) (*demo, error) {
	d := &demo{path: filepath.Join(dir, "demo.env"), values: []variable{
		{"ISSUER", issuer},
		{"CLIENT_ID", "demo"},
		{"CLIENT_SECRET", ""},
		{"RS_CLIENT_ID", "demo-api"},
		{"RS_CLIENT_SECRET", ""},
		{"RESOURCE", "https://api.example.com"},
		{"SCOPE", "orders:read"},
		{"OPERATOR_CLIENT_ID", "demo-operator"},
		{"OPERATOR_CLIENT_SECRET", ""},
		{"APP_CLIENT_ID", "demo-app"},
		{"USER_NAME", "demo"},
		{userPassword, ""},
	}}
	before, err := readEnv(d.path)
	if err != nil {
		return nil, err
	}
	for i, v := range d.values {
		old := before[v.name]
		switch {
		case v.name == userPassword && usablePassword(old), strings.HasSuffix(v.name, secretSuffix) && client.ValidSecret(old):
			d.values[i].value = old
		case v.name == userPassword:
			d.values[i].value = rand.Text()
		case strings.HasSuffix(v.name, secretSuffix):
			d.values[i].value = client.NewSecret()
		}
	}
	return d, nil
}

// usablePassword reports whether a password is good enough and needs no escaping
// in a shell or in JSON. The developer may have written it into the file by hand.
func usablePassword(password string) bool {
	return !strings.ContainsAny(password, `'"\`) && admin.CheckPassword(password) == nil
}

// get returns the value of a variable that exists.
func (d *demo) get(name string) string {
	for _, v := range d.values {
		if v.name == name {
			return v.value
		}
	}
	panic("demo.env has no variable " + name)
}

// document is the registry file with the hashes of the secrets.
func (d *demo) document() (*registry.Document, error) {
	text := os.Expand(demoYAML, func(name string) string {
		sum := client.HashSecret(d.get(name)).SHA256
		return hex.EncodeToString(sum[:])
	})
	return registry.Parse("demo.yaml", []byte(text))
}

// apply brings the demo clients and the demo user to the stack and reports how
// many entries that changed.
func (d *demo) apply(ctx context.Context, at *deployment) (changed int, err error) {
	doc, err := d.document()
	if err != nil {
		return 0, err
	}
	store := at.registry()
	plan, err := store.Plan(ctx, doc, false)
	if err != nil {
		return 0, err
	}
	if err := store.Apply(ctx, plan, func(registry.Applied) {}); err != nil {
		return 0, err
	}
	enrolled, err := d.enroll(ctx, at)
	return len(plan.Pending()) + enrolled, err
}

// enroll makes sure that the demo user exists, is enabled and has the password of
// demo.env. It reports how many changes that took.
func (d *demo) enroll(ctx context.Context, at *deployment) (changes int, err error) {
	people, name, password := at.roster(), d.get("USER_NAME"), d.get(userPassword)
	u, err := people.Find(ctx, name)
	if errors.Is(err, identity.ErrUnknown) {
		_, err = people.Create(ctx, admin.New{UserName: name, Name: "Demo", Password: password})
		return 1, err
	}
	if err != nil {
		return 0, err
	}
	if u.Disabled {
		if err := people.Enable(ctx, u); err != nil {
			return 0, err
		}
		if u, err = people.Get(ctx, u.Subject); err != nil {
			return 1, err
		}
		changes++
	}
	ok, _, err := people.Check(ctx, u, password)
	if ok {
		return changes, nil
	}
	// Without its pepper a hash cannot be verified: it counts as a wrong password.
	if err != nil && !errors.Is(err, identity.ErrPepper) {
		return changes, err
	}
	_, err = at.setPassword(ctx, u, password)
	return changes + 1, err
}

// write writes demo.env, which only its owner may read.
func (d *demo) write() error {
	var b strings.Builder
	b.WriteString("# The demo clients and the demo user of the local stack. Use it with: . " + d.path + "\n")
	for _, v := range d.values {
		fmt.Fprintf(&b, "export %s='%s'\n", v.name, v.value)
	}
	return local.Replace(d.path, []byte(b.String()))
}

// readEnv reads what write wrote. A missing file has no variables.
func readEnv(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok {
			values[name] = strings.Trim(value, "'")
		}
	}
	return values, nil
}

// curls returns commands that work when they are pasted, in any order.
func (d *demo) curls() []string {
	issuer := d.get("ISSUER")
	token := fmt.Sprintf("curl -s -u %s:%s -d grant_type=client_credentials -d scope=%s %s/token",
		d.get("CLIENT_ID"), d.get("CLIENT_SECRET"), d.get("SCOPE"), issuer)
	introspect := fmt.Sprintf(`curl -s -u %s:%s -d "token=$(%s | %s)" %s/introspect`,
		d.get("RS_CLIENT_ID"), d.get("RS_CLIENT_SECRET"), token, member("access_token"), issuer)
	login := fmt.Sprintf(`curl -s -H 'Content-Type: application/json' -d '{"client_id":"%s","user_name":"%s","password":"%s"}' %s/login`,
		d.get("APP_CLIENT_ID"), d.get("USER_NAME"), d.get(userPassword), issuer)
	refresh := fmt.Sprintf(`curl -s -d client_id=%s -d "refresh_token=$(%s | %s)" %s/refresh`,
		d.get("APP_CLIENT_ID"), login, member("refresh_token"), issuer)
	return []string{token, introspect, login, refresh, "curl -s " + issuer + "/jwks"}
}

// member returns the shell command that prints a member of a JSON object.
func member(name string) string {
	return `sed 's/.*"` + name + `":"\([^"]*\)".*/\1/'`
}
