package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/keys"
)

func TestDemo(t *testing.T) {
	dir := t.TempDir()
	first, err := newDemo(dir, "http://localhost:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.write(); err != nil {
		t.Fatal(err)
	}
	doc, err := first.document()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range doc.Clients {
		want := 1
		if c.Public() {
			want = 0
		}
		if len(c.Secrets) != want {
			t.Errorf("client %s has %d secrets, want %d", c.ID, len(c.Secrets), want)
		}
	}
	if got, want := doc.Clients[0].Secrets[0].SHA256, client.HashSecret(first.get("CLIENT_SECRET")).SHA256; got != want {
		t.Errorf("hash of the demo client = %x, want %x", got, want)
	}
	// After an edit by hand the valid secrets stay, and the others are generated
	// again.
	text, err := os.ReadFile(first.path)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(text), first.get("RS_CLIENT_SECRET"), "tss_mistyped", 1)
	if err := os.WriteFile(first.path, []byte(broken+"\nwords\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := newDemo(dir, "http://localhost:2")
	if err != nil {
		t.Fatal(err)
	}
	if first.get("CLIENT_SECRET") != second.get("CLIENT_SECRET") || first.get("RS_CLIENT_SECRET") == second.get("RS_CLIENT_SECRET") {
		t.Errorf("secrets %v became %v, want only the broken one changed", first.values, second.values)
	}
	if got := second.get(userPassword); got == "" || got != first.get(userPassword) {
		t.Errorf("password %q became %q, want it to stay", first.get(userPassword), got)
	}
	if second.get("ISSUER") != "http://localhost:2" || !client.ValidSecret(second.get("RS_CLIENT_SECRET")) {
		t.Errorf("values = %v", second.values)
	}
}

// A developer may write another password into the file.
func TestPasswordOfTheDemoUser(t *testing.T) {
	tests := []struct {
		name, password string
		kept           bool
	}{
		{"a good one", "seven green kettles whistle", true},
		{"none", "", false},
		{"a weak one", "password", false},
		{"one that is no word of a shell", "seven 'green' kettles", false},
		{"one that is no text of JSON", `seven "green" kettles`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := newDemo(t.TempDir(), "http://localhost:1")
			if err != nil {
				t.Fatal(err)
			}
			text := "export USER_PASSWORD='" + tt.password + "'\n"
			if err := os.WriteFile(d.path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			again, err := newDemo(filepath.Dir(d.path), "http://localhost:1")
			if err != nil {
				t.Fatal(err)
			}
			got := again.get(userPassword)
			if (got == tt.password) != tt.kept || !usablePassword(got) {
				t.Errorf("password %q became %q, kept should be %v", tt.password, got, tt.kept)
			}
		})
	}
}

// A start repairs the demo user until the password of the file works, and changes
// nothing when it works already.
func TestEnroll(t *testing.T) {
	o := newOperator(t)
	d, err := newDemo(t.TempDir(), "http://localhost:1")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		before  func()
		changes int
	}{
		{"a new stack", func() {}, 1},
		{"the second start", func() {}, 0},
		{"another password", func() {
			o.says("set the password of demo and ended 0 sessions\n", "six blue saucepans hum\n", "user", "set-password", "demo")
		}, 1},
		{"disabled", func() {
			o.says("disabled demo and ended 0 sessions\n", "", "user", "disable", "demo")
		}, 1},
		{"the file is gone", func() {
			if d, err = newDemo(t.TempDir(), "http://localhost:1"); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"the pepper is gone", func() { o.newKeys() }, 1},
	}
	for _, tt := range tests {
		tt.before()
		changes, err := d.enroll(t.Context(), o.deployment)
		if err != nil || changes != tt.changes {
			t.Fatalf("%s: %d changes, %v, want %d", tt.name, changes, err, tt.changes)
		}
		ok, _, err := o.roster().Check(t.Context(), o.user("demo"), d.get(userPassword))
		if err != nil || !ok {
			t.Errorf("%s: the password of demo.env is %v, %v, want it to be right", tt.name, ok, err)
		}
	}
}

// newKeys gives the stage new keys, unrelated to the earlier ones.
func (o *operator) newKeys() {
	o.t.Helper()
	document, err := keys.Generate(time.Now())
	if err != nil {
		o.t.Fatal(err)
	}
	text, err := document.Marshal()
	if err != nil {
		o.t.Fatal(err)
	}
	name, value := contract.SecretName(o.stage, contract.Secrets[0]), string(text)
	_, err = o.secrets.PutSecretValue(o.t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &value})
	if err != nil {
		o.t.Fatal(err)
	}
}
