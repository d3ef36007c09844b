package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

// stack makes a folder like that of a running stack, with the tables of a stage.
func stack(t *testing.T, stage string) (dir string, db *dynamodb.Client) {
	t.Helper()
	db, _ = enginetest.DB(t)
	for _, table := range contract.Tables {
		name := contract.TableName(stage, table)
		if err := engine.CreateTable(t.Context(), db, table, name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := db.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
				t.Errorf("delete table %s: %v", name, err)
			}
		})
	}
	state, err := json.Marshal(local.State{DynamoDB: *db.Options().BaseEndpoint, Region: engine.Region, Stage: stage, Mail: "off", PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "state.json"), state, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, db
}

func registryFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "registry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// execRegistry runs `tipstaff registry` with some arguments.
func execRegistry(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := newRegistryCommand()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestRegistryCommand(t *testing.T) {
	dir, db := stack(t, "cli")
	path := registryFile(t, "clients: [{id: worker}, {id: other}]\n")
	const plan = "+ client  worker  gets a new secret\n+ client  other   gets a new secret\n\n" +
		"2 to create, 0 to update, 0 to delete, 0 unchanged.\n"
	if out, err := execRegistry(t, "plan", "-f", path, "--dir", dir); err != nil || out != plan {
		t.Errorf("plan = %q, %v, want %q", out, err, plan)
	}
	out, err := execRegistry(t, "apply", "-f", path, "--dir", dir)
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile("^" + regexp.QuoteMeta(plan) +
		`created client worker\n  client_secret (tss_\w{49}) \(shown only now\)\ncreated client other\n  client_secret tss_\w{49} \(shown only now\)\n$`)
	found := want.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("apply = %q, want it to match %s", out, want)
	}
	registryTable, _ := contract.FindTable(contract.Registry)
	store := &client.Store{DB: db, Table: contract.TableName("cli", registryTable), Now: httpapi.Now}
	if _, err := store.Authenticate(t.Context(), "worker", found[1]); err != nil {
		t.Errorf("the printed secret = %v, want it to work", err)
	}
	const nothing = "Nothing to do: 2 unchanged.\n"
	if out, err := execRegistry(t, "apply", "-f", path, "--dir", dir); err != nil || out != nothing {
		t.Errorf("second apply = %q, %v, want %q", out, err, nothing)
	}

	fewer := registryFile(t, "clients: [{id: worker}]\n")
	out, err = execRegistry(t, "apply", "-f", fewer, "--dir", dir, "--prune")
	if err == nil || !strings.Contains(err.Error(), "--yes") || !strings.Contains(out, "- client  other\n") {
		t.Errorf("apply --prune = %q, %v, want it to show the deletion and ask for --yes", out, err)
	}
	if out, err = execRegistry(t, "apply", "-f", fewer, "--dir", dir, "--prune", "--yes"); err != nil || !strings.HasSuffix(out, "deleted client other\n") {
		t.Errorf("apply --prune --yes = %q, %v, want the client deleted", out, err)
	}
}

func TestRegistrySecretCommand(t *testing.T) {
	out, err := execRegistry(t, "secret")
	if err != nil {
		t.Fatal(err)
	}
	var secret, sum string
	if _, err := fmt.Sscanf(out, "secret %s\nsha256 %s\n", &secret, &sum); err != nil {
		t.Fatalf("secret = %q: %v", out, err)
	}
	if hash := client.HashSecret(secret).SHA256; !client.ValidSecret(secret) || fmt.Sprintf("%x", hash) != sum {
		t.Errorf("secret = %q, want a secret and its SHA-256", out)
	}
}

// --stage works on the tables of a deployed stage. The actor is the caller identity
// that AWS reports.
func TestRegistryStage(t *testing.T) {
	_, db := stack(t, "staging")
	const arn = "arn:aws:sts::123456789012:assumed-role/operator/ann"
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`+
			`<GetCallerIdentityResult><Arn>%s</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`, arn)
	}))
	defer sts.Close()
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", *db.Options().BaseEndpoint)
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "key")
	t.Setenv("AWS_REGION", engine.Region)
	if out, err := execRegistry(t, "apply", "-f", registryFile(t, "clients: [{id: worker}]"), "--stage", "staging"); err != nil {
		t.Fatalf("apply --stage staging = %q, %v", out, err)
	}
	trail, _ := contract.FindTable(contract.Audit)
	table := contract.TableName("staging", trail)
	found, err := db.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil || len(found.Items) != 1 || !strings.Contains(fmt.Sprintf("%v", found.Items[0]["actor"]), arn) {
		t.Errorf("trail = %v, %v, want one entry by %s", found.Items, err, arn)
	}
}

// Every mistake is one clear sentence.
func TestRegistryCommandErrors(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	good := registryFile(t, "clients: []")
	bad := registryFile(t, "clients: [{id: a b}]\nuser: []\n")
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no file", []string{"plan", "-f", "nowhere.yaml"}, "read the registry file: open nowhere.yaml: no such file or directory"},
		{"bad file", []string{"apply", "-f", bad}, bad + `:1:16: client id "a b" is not 1 to 64 letters, digits, "_" and "-"` + "\n" +
			bad + `:2:1: unknown field "user" in the file; there are clients, resources, upstreams, users`},
		{"no stack", []string{"plan", "-f", good, "--dir", t.TempDir()}, "no local stack is running here; start it with `make run`"},
		{"unknown stage", []string{"plan", "-f", good, "--stage", "qa"}, `--stage is "qa", not staging or prod`},
		{"no region", []string{"plan", "-f", good, "--stage", "prod"}, "no AWS region: set AWS_REGION or choose a profile that has one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execRegistry(t, tt.args...)
			if err == nil || err.Error() != tt.want || out != "" {
				t.Errorf("registry %v = %q, %v, want %q", tt.args, out, err, tt.want)
			}
		})
	}
}
