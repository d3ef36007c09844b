package main

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/registry"
)

// demoYAML is the registry file of the demo clients.
//
//go:embed demo.yaml
var demoYAML string

// demo is what demo.env tells a script. The secrets stay the same from start
// to start, so that a shell that has read the file keeps working.
type demo struct {
	path   string
	values []variable
}

type variable struct{ name, value string }

const secretSuffix = "_SECRET"

// newDemo takes the secrets of an earlier start out of dir, and makes up those
// that are missing.
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
	}}
	before, err := readEnv(d.path)
	if err != nil {
		return nil, err
	}
	for i, v := range d.values {
		if !strings.HasSuffix(v.name, secretSuffix) {
			continue
		}
		d.values[i].value = before[v.name]
		if !client.ValidSecret(before[v.name]) {
			d.values[i].value = client.NewSecret()
		}
	}
	return d, nil
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

// apply brings the demo clients into the registry of the stack and reports how
// many entries that changed.
func (d *demo) apply(ctx context.Context, s *local.Stack, stage string) (changed int, err error) {
	doc, err := d.document()
	if err != nil {
		return 0, err
	}
	table := func(r contract.Resource) string {
		t, _ := contract.FindTable(r)
		return contract.TableName(stage, t)
	}
	store := &registry.Store{
		DB: s.DynamoDB(), Table: table(contract.Registry), Actor: "tipstaff run",
		Trail: &audit.Trail{Table: table(contract.Audit), Days: contract.AuditDays[stage], Now: time.Now},
	}
	plan, err := store.Plan(ctx, doc, false)
	if err != nil {
		return 0, err
	}
	return len(plan.Pending()), store.Apply(ctx, plan, func(registry.Applied) {})
}

// write writes demo.env, which only its owner may read.
func (d *demo) write() error {
	var b strings.Builder
	b.WriteString("# The demo clients of the local stack. Use it with: . " + d.path + "\n")
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

// curls are three commands that work when they are pasted, in any order.
func (d *demo) curls() []string {
	token := fmt.Sprintf("curl -s -u %s:%s -d grant_type=client_credentials -d scope=%s %s/token",
		d.get("CLIENT_ID"), d.get("CLIENT_SECRET"), d.get("SCOPE"), d.get("ISSUER"))
	extract := `sed 's/.*"access_token":"\([^"]*\)".*/\1/'`
	introspect := fmt.Sprintf(`curl -s -u %s:%s -d "token=$(%s | %s)" %s/introspect`,
		d.get("RS_CLIENT_ID"), d.get("RS_CLIENT_SECRET"), token, extract, d.get("ISSUER"))
	return []string{token, introspect, "curl -s " + d.get("ISSUER") + "/jwks"}
}
