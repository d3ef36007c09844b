package secrets_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
)

// envWriter is the variable that makes the test binary a writer. It puts values into
// the store at this path until it is killed, and prints each acknowledged one.
const envWriter = "SECRETS_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(envWriter); path != "" {
		fmt.Fprintln(os.Stderr, write(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func write(path string) error {
	store, err := secrets.Open(path)
	if err != nil {
		return err
	}
	for i := range 1_000_000 {
		body := fmt.Sprintf(`{"SecretId":%q,"SecretString":"value %d"}`, keys, i)
		r := httptest.NewRequestWithContext(context.Background(), "POST", "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "secretsmanager.PutSecretValue")
		w := httptest.NewRecorder()
		store.ServeHTTP(w, r)
		if w.Code != 200 {
			return fmt.Errorf("PutSecretValue: %s", w.Body)
		}
		fmt.Println("value", i)
	}
	return nil
}

func TestKillLosesNoAcknowledgedValue(t *testing.T) {
	_, path := open(t)
	for range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), envWriter+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		last := ""
		for range 10 {
			lines.Scan()
			last = lines.Text()
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			last = lines.Text()
		}
		// Wait returns that the process was killed, as intended.
		_ = cmd.Wait()
		store, err := secrets.Open(path)
		if err != nil {
			t.Fatalf("after kill: %v", err)
		}
		// One more value may be stored that was not acknowledged yet.
		var n int
		if _, err := fmt.Sscanf(last, "value %d", &n); err != nil {
			t.Fatalf("last acknowledged line %q: %v", last, err)
		}
		if got, next := get(t, client(t, store), ""), fmt.Sprintf("value %d", n+1); got != last && got != next {
			t.Errorf("value after kill = %q, want %q or %q", got, last, next)
		}
	}
}

func TestOnlyACompleteFileOfTheOwnerIsUsed(t *testing.T) {
	store, path := open(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file = %v, %v; want 0600", info.Mode(), err)
	}
	for _, broken := range []string{"", "{", "[]", `{"a":null}`, `{"a":{"Name":"b"}}`} {
		if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := secrets.Open(path); err == nil || !strings.Contains(err.Error(), path+" is broken") {
			t.Errorf("Open of %q = %v, want an error that names the file", broken, err)
		}
	}
	// A value that cannot be stored is neither acknowledged nor visible.
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if created, err := store.Ensure(cfn.Secret{Name: "new", ARN: "arn:new"}); err == nil {
		t.Errorf("Ensure without a folder = %v, want an error", created)
	}
	if _, err := secrets.Open(path); err != nil {
		t.Errorf("Open of a missing file = %v, want an empty store", err)
	}
}
