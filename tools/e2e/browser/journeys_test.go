package browser_test

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// password is everybody's.
const password = "seven green kettles whistle"

// people is how many may go on a journey.
const people = 20

// TestJourneys sends people through the running stack.
func TestJourneys(t *testing.T) {
	s := start(t)
	s.travel(t, "journeys.mjs", nil)
	s.judge(t)
}

// TestSignIn sends people from an application to the running stack and back.
// With SCREENSHOTS it leaves a picture of each page in that folder.
func TestSignIn(t *testing.T) {
	s := start(t)
	s.travel(t, "signin.mjs", map[string]any{
		"app": application(t), "bye": "https://portal.example/bye", "resource": fixture.Orders, "screenshots": screenshots(t),
	})
	s.judge(t)
}

// TestWaysToSignIn has people make passkeys and set up apps, lose them, come by links
// and from elsewhere.
func TestWaysToSignIn(t *testing.T) {
	s := start(t)
	command, err := filepath.Abs(filepath.Join(root, "bin", "tipstaff"))
	if err != nil {
		t.Fatal(err)
	}
	s.travel(t, "passkeys.mjs", map[string]any{
		"app": application(t), "resource": fixture.Orders, "tipstaff": command, "dir": s.Dir(),
		"upstreams": []string{s.Company.URL, s.CodeHost.URL}, "only": os.Getenv("JOURNEY"),
	})
	s.judge(t)
}

// travel runs a script of journeys, with a person for each of them.
func (s *site) travel(t *testing.T, name string, more map[string]any) {
	t.Helper()
	names := []string{stranger}
	for i := range people {
		names = append(names, fmt.Sprintf("ada%d", i))
	}
	s.register(t, names...)
	clock := httptest.NewServer(s.clock)
	defer clock.Close()
	given := map[string]any{
		"base": s.BaseURL(), "clock": clock.URL, "elsewhere": otherSite(t, s.BaseURL()),
		"people": names[1:], "password": password, "stranger": stranger,
	}
	maps.Copy(given, more)
	var results []struct{ Name, Failure string }
	script(t, name, given, &results)
	if len(results) == 0 {
		t.Fatal("nobody went anywhere")
	}
	for _, r := range results {
		t.Run(r.Name, func(t *testing.T) {
			if r.Failure != "" {
				t.Error(r.Failure)
			}
		})
	}
}
