package command_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKill kills the stack with signal 9 while an operator registers clients,
// several times over one folder. After each restart every client with an acknowledged
// registration gets a token with the secret that was shown.
//
// TIPSTAFF_SOAK sets how long the test goes on, such as "10m".
func TestKill(t *testing.T) {
	begin, soak := time.Now(), soakFor(t)
	dir := checkout(t)
	acknowledged := map[string]string{}
	for round := 0; round < 3 || time.Since(begin) < soak; round++ {
		r := run(t, dir)
		for id, secret := range acknowledged {
			if err := getToken(t, r.url, id, secret); err != nil {
				t.Fatalf("round %d, client %s of an earlier round: %v", round, id, err)
			}
		}
		done := register(t, dir, round, r.process)
		t.Logf("round %d: %d clients were acknowledged before the kill", round, len(done))
		if soak > 0 {
			acknowledged = map[string]string{} // keeps the rounds of a soak equally long
		}
		for id, secret := range done {
			acknowledged[id] = secret
		}
	}
	r := run(t, dir)
	for id, secret := range acknowledged {
		if err := getToken(t, r.url, id, secret); err != nil {
			t.Errorf("client %s after the last kill: %v", id, err)
		}
	}
}

// soakFor returns how long to go on, zero without a soak.
func soakFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("TIPSTAFF_SOAK")
	if text == "" {
		return 0
	}
	soak, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return soak
}

// perRound is the largest number of clients that a registry file may have.
const perRound = 200

// register applies a registry file with new clients and kills the stack when some of
// them were reported as created. It returns the secrets of all clients that were
// reported, by client id.
func register(t *testing.T, dir string, round int, stack *os.Process) map[string]string {
	t.Helper()
	file := filepath.Join(dir, "registry.yaml")
	var yaml strings.Builder
	yaml.WriteString("clients:\n")
	for i := range perRound {
		fmt.Fprintf(&yaml, "  - id: r%dc%d\n    grants: [client_credentials]\n", round, i)
	}
	if err := os.WriteFile(file, []byte(yaml.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "bin", "tipstaff"), "registry", "apply", "-f", file)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	created, id := map[string]string{}, ""
	enough := 1 + rand.IntN(perRound/2)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case strings.HasPrefix(lines.Text(), "created client "):
			id = words[2]
		case len(words) > 1 && words[0] == "client_secret" && id != "":
			created[id], id = words[1], ""
			if len(created) == enough {
				if err := stack.Kill(); err != nil {
					t.Error(err)
				}
				// Nothing more is acknowledged, and the SDK would retry.
				time.AfterFunc(300*time.Millisecond, func() { _ = cmd.Process.Kill() })
			}
		}
	}
	_ = cmd.Wait() // its stack is gone, and it was killed
	if len(created) < enough {
		t.Fatalf("round %d: %d clients were acknowledged before anything was killed, want %d:\n%s", round, len(created), enough, stderr.String())
	}
	return created
}

// getToken requests a token with client_credentials.
func getToken(t *testing.T, base, id, secret string) error {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(id, secret)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("token request = %d, want 200", res.StatusCode)
	}
	return nil
}
