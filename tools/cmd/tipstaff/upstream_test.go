package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/upstream/secrets"
)

const upstreamsFile = `
upstreams:
  - {id: google, type: google, client_id: "1.apps", first_sign_in: create}
  - {id: hub, type: github, client_id: Iv1, disabled: true}
`

func TestUpstreamCommand(t *testing.T) {
	o := newOperator(t)
	path := registryFile(t, upstreamsFile)
	const set = "set the client secret of google; every function uses it within a minute\n"
	o.says(set+"the registry has no upstream google yet\n", "GOCSPX-first\n", "upstream", "set-secret", "google")
	if _, err := o.try("", "registry", "apply", "-f", path); err != nil {
		t.Fatal(err)
	}
	o.says(set, "GOCSPX-second\r\n", "upstream", "set-secret", "google")
	o.says(`set .*\nthe registry has no upstream old yet\n`, "GOCSPX-old", "upstream", "set-secret", "old")
	list := []string{
		`UPSTREAM +STATE +SECRET +TYPE +FIRST SIGN-IN +CLIENT +ISSUER +NAME`,
		`google +enabled +set +google +create +1.apps +https://accounts.google.com +Google`,
		`hub +disabled +- +github +invitation +Iv1 +https://github.com +GitHub`,
		`old +not in the registry +set +- +- +- +- +-`,
	}
	o.says(strings.Join(list, `\n`)+`\n`, "", "upstream", "list")

	held := &secrets.Vault{Client: o.secrets, Name: o.secret(contract.Upstreams), Now: o.trail().Now}
	if s, err := held.Secret(t.Context(), "google"); err != nil || s != "GOCSPX-second" {
		t.Errorf("Secret(google) = %q, %v, want what was set last", s, err)
	}
	o.says("removed the client secret of old; revoke it at the issuer as well\n", "", "upstream", "remove-secret", "old")
	o.fails("upstream old: there is no client secret", "", "upstream", "remove-secret", "old")
	o.says(strings.Join(list[:3], `\n`)+`\n`, "", "upstream", "list")

	keys, err := o.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: new(o.secret(contract.Keys))})
	if err != nil || strings.Contains(*keys.SecretString, "GOCSPX") {
		t.Errorf("the secret of the keys was touched: %v", err)
	}
}

func TestUpstreamCommandRefuses(t *testing.T) {
	o := newOperator(t)
	const id = `is not 1 to 32 lower-case letters, digits and "-"`
	o.fails(`upstream id "Google" `+id, "GOCSPX-a", "upstream", "set-secret", "Google")
	o.fails(`upstream id "a/b" `+id, "", "upstream", "remove-secret", "a/b")
	o.fails("there is no client secret on the standard input", "", "upstream", "set-secret", "google")
	o.fails("there is no client secret on the standard input", "\n", "upstream", "set-secret", "google")
	o.fails("client secret has a character that no client secret has, or more than one line", "a\nb\n", "upstream", "set-secret", "google")
	o.fails("client secret is longer than 4096 bytes", strings.Repeat("a", 5000), "upstream", "set-secret", "google")
	o.fails("this takes one argument, not 2: tipstaff upstream set-secret ID [flags]", "", "upstream", "set-secret", "google", "GOCSPX-argument")
	o.says(`UPSTREAM +STATE.*\n`, "", "upstream", "list")
}

// A client secret is in Secrets Manager and nowhere else: not in a table, and in no
// word that is printed.
func TestUpstreamSecretDoesNotLeak(t *testing.T) {
	o := newOperator(t)
	const secret, wrong = "GOCSPX-a-secret-to-look-for", "GOCSPX-with\x01a-control"
	var printed strings.Builder
	for _, c := range []struct{ stdin, args string }{
		{secret + "\n", "upstream set-secret google"},
		{wrong, "upstream set-secret google"},
		{"", "registry apply -f " + registryFile(t, upstreamsFile)},
		{"", "upstream list"},
		{"", "audit list"},
		{secret, "upstream set-secret google"},
		{"", "upstream remove-secret google"},
	} {
		out, err := o.try(c.stdin, strings.Fields(c.args)...)
		printed.WriteString(out + fmt.Sprint(err) + "\n")
	}
	for _, table := range contract.Tables {
		out, err := o.db.Scan(t.Context(), &dynamodb.ScanInput{TableName: new(o.table(table.Name))})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(out.Items)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(text)
	}
	if text := printed.String(); strings.Contains(text, "GOCSPX") || !strings.Contains(text, "upstream.secret") || !strings.Contains(text, "1.apps") {
		t.Errorf("what was printed and stored = %s, want the changes and no secret", text)
	}
}
