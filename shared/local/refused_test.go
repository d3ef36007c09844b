package local_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/local/localtest"
	"github.com/tipstaff/tipstaff/shared/local/lock"
)

func TestStartThatFailsSaysWhyInOneSentence(t *testing.T) {
	service := func(o *local.Options) string {
		return filepath.Join(o.Templates, "tipstaff-test-service.template.json")
	}
	tests := []struct {
		name  string
		spoil func(*testing.T, *local.Options) error
		want  []string
	}{
		{"no templates", func(_ *testing.T, o *local.Options) error {
			o.Stage = "prod"
			return nil
		}, []string{"no templates of stage prod in ", "--templates"}},
		{"broken template", func(_ *testing.T, o *local.Options) error {
			return os.WriteFile(service(o), []byte(`{"Resources":`), 0o600)
		}, []string{"tipstaff-test-service", "broken"}},
		{"half of the templates", func(_ *testing.T, o *local.Options) error {
			return os.Remove(filepath.Join(o.Templates, "tipstaff-test-data.template.json"))
		}, []string{"tipstaff-test-data"}},
		{"greedy path", func(_ *testing.T, o *local.Options) error {
			return edit(service(o), "ANY /items", "ANY /items/{proxy+}")
		}, []string{"ANY /items/{proxy+}", "path parameter"}},
		{"authorizer", func(_ *testing.T, o *local.Options) error {
			return edit(service(o), `"AuthorizationType": "NONE",
    "RouteKey": "$default"`, `"AuthorizationType": "JWT",
    "RouteKey": "$default"`)
		}, []string{"tipstaff-test-service", "DefaultRoute", "Properties.AuthorizationType", `"JWT" is not known here`}},
		{"foreign function", func(_ *testing.T, o *local.Options) error {
			return edit(service(o), `"FunctionName": "tipstaff-test-items"`, `"FunctionName": "items"`)
		}, []string{`"items"`, "tipstaff-test-"}},
		{"no binary", func(_ *testing.T, o *local.Options) error {
			return os.Remove(filepath.Join(o.Binaries, "items", "bootstrap"))
		}, []string{"function items", "items/bootstrap", "make handlers"}},
		{"binary is no program", func(_ *testing.T, o *local.Options) error {
			path := filepath.Join(o.Binaries, "items", "bootstrap")
			return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600))
		}, []string{"function items", "not a program"}},
		{"taken port", func(t *testing.T, o *local.Options) error {
			t.Helper()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = l.Close() })
			o.Port = l.Addr().(*net.TCPAddr).Port
			return nil
		}, []string{"port ", "taken", "PORT="}},
		{"no engine", func(t *testing.T, _ *local.Options) error {
			t.Helper()
			t.Chdir(t.TempDir())
			t.Setenv("PATH", "")
			t.Setenv(engine.EnvBinary, "")
			return nil
		}, []string{"npm ci", engine.EnvBinary, engine.EnvEndpoint}},
		{"folder that cannot be made", func(_ *testing.T, o *local.Options) error {
			o.Dir = filepath.Join(service(o), "dir")
			return nil
		}, []string{"cannot be used", "not a directory"}},
		{"full disk", func(_ *testing.T, o *local.Options) error {
			// The state is the last thing that a start writes.
			return errors.Join(os.MkdirAll(o.Dir, 0o700), os.Symlink("/dev/full", filepath.Join(o.Dir, "state.json.new")))
		}, []string{"cannot be written", "no space left on device"}},
		{"broken database", func(_ *testing.T, o *local.Options) error {
			return errors.Join(os.MkdirAll(o.Dir, 0o700),
				os.WriteFile(filepath.Join(o.Dir, "dynamodb.db"), bytes.Repeat([]byte("words "), 1000), 0o600))
		}, []string{"database engine", "not a valid SQLite database"}},
		{"broken secrets", func(_ *testing.T, o *local.Options) error {
			return errors.Join(os.MkdirAll(o.Dir, 0o700), os.WriteFile(filepath.Join(o.Dir, "secrets.json"), []byte("{"), 0o600))
		}, []string{"secrets.json", "broken"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := localtest.Options(t)
			if err := tt.spoil(t, &o); err != nil {
				t.Fatal(err)
			}
			s, err := local.Start(t.Context(), o)
			if err == nil {
				s.Close()
				t.Fatal("Start succeeded")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error %q has several lines", err)
			}
		})
	}
}

func edit(path, old, replacement string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(old)) {
		return errors.New("the template does not have " + old)
	}
	return os.WriteFile(path, bytes.ReplaceAll(text, []byte(old), []byte(replacement)), 0o600)
}

// After a kill the children of a stack hold the lock of its folder for a moment.
func TestStartWaitsForTheChildrenOfAKilledStack(t *testing.T) {
	o := localtest.Options(t)
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	held, err := lock.Take(filepath.Join(o.Dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, held.Release)
	start(t, o)

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	other := localtest.Options(t)
	if err := os.MkdirAll(other.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if held, err = lock.Take(filepath.Join(other.Dir, "lock")); err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	if _, err := local.Start(canceled, other); err == nil || !strings.Contains(err.Error(), "just starting or stopping") {
		t.Errorf("Start in a folder that stays held = %v, want it to say so", err)
	}
}

func TestSecondStackInAFolderIsRefused(t *testing.T) {
	o := localtest.Options(t)
	s := start(t, o)
	_, err := local.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "already runs") || !strings.Contains(err.Error(), s.BaseURL()) {
		t.Errorf("the second Start = %v, want it to name %s", err, s.BaseURL())
	}
	if status, _ := get(t, s.BaseURL()+"/"); status != 200 {
		t.Errorf("after it the first one answers %d, want 200", status)
	}
}

func TestOldSecretsWithANewDatabaseAreRefused(t *testing.T) {
	o := localtest.Options(t)
	start(t, o).Close()
	if err := os.Remove(filepath.Join(o.Dir, "dynamodb.db")); err != nil {
		t.Fatal(err)
	}
	_, err := local.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "to start with new ones") {
		t.Errorf("Start = %v, want what to remove", err)
	}
}

func TestNewTableIsAddedToAnOldDatabase(t *testing.T) {
	o := localtest.Options(t)
	data := filepath.Join(o.Templates, "tipstaff-test-data.template.json")
	whole, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := edit(data, `"Type": "AWS::DynamoDB::GlobalTable",
   "Properties": {
    "TableName": "tipstaff-test-registry"`, `"Type": "AWS::Logs::LogGroup",
   "Properties": {
    "TableName": "tipstaff-test-registry"`); err != nil {
		t.Fatal(err)
	}
	start(t, o).Close()
	if err := os.WriteFile(data, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	var steps []string
	o.Progress = func(s local.Step) { steps = append(steps, s.What) }
	start(t, o)
	if want := "database with 3 tables, 1 of them new"; !slices.Contains(steps, want) {
		t.Errorf("the steps were %q, want %q among them", steps, want)
	}
}

func TestTableWithOtherIndexesIsRefused(t *testing.T) {
	o := localtest.Options(t)
	start(t, o).Close()
	if err := edit(filepath.Join(o.Templates, "tipstaff-test-data.template.json"), "by_sub", "by_subject"); err != nil {
		t.Fatal(err)
	}
	_, err := local.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "tipstaff-test-audit") || !strings.Contains(err.Error(), "other keys or indexes") {
		t.Errorf("Start = %v, want the table and the reason", err)
	}
}
