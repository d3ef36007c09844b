package stack_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// TestOpenRegistration: in a stage with open registration, an unknown MCP client
// registers itself and gets its tokens.
func TestOpenRegistration(t *testing.T) {
	s, _ := startWith(t, fixture.Options{Registration: string(contract.RegistrationOpen)})
	people := httptest.NewServer(&person.Visits{New: func() *person.Person { return ada(s) }})
	defer people.Close()
	cmd := exec.CommandContext(t.Context(), "node", "../node/mcp.mjs")
	cmd.Env = append(os.Environ(), "ISSUER="+s.BaseURL(), "TOOLS_RESOURCE="+fixture.Tools, "TOOLS_SCOPE="+fixture.ToolsScope, "PERSON="+people.URL)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.String())
	}
	var found map[string]struct {
		Failure string
		Begun   struct{ Second string }
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("%v printed %q: %v", cmd.Args, out, err)
	}
	for _, way := range []string{"registered", "silent"} {
		if got := found[way]; got.Failure != "" || got.Begun.Second != "AUTHORIZED" {
			t.Errorf("%s: %+v, want tokens", way, got)
		}
	}
}

// TestClosedRegistration: in a stage without registration, no client can register.
func TestClosedRegistration(t *testing.T) {
	s, _ := startWith(t, fixture.Options{Registration: string(contract.RegistrationOff)})
	body := bytes.NewReader([]byte(`{"redirect_uris":["http://127.0.0.1/callback"]}`))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.BaseURL()+contract.Register.Path(), body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("registration = %d, want 403", res.StatusCode)
	}
	res, err = http.DefaultClient.Get(s.BaseURL() + contract.Discovery.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var metadata map[string]any
	if err := json.NewDecoder(res.Body).Decode(&metadata); err != nil || metadata["registration_endpoint"] != nil {
		t.Errorf("the metadata names %v (%v), want no registration endpoint", metadata["registration_endpoint"], err)
	}
}
