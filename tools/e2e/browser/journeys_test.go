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

// password is the password of every person.
const password = "seven green kettles whistle"

// people is the number of people, and so the largest number of journeys of a script.
const people = 20

// TestPagesWorkWithoutJavaScript sends people through the running stack with JavaScript
// switched off.
func TestPagesWorkWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.travel(t, "journeys.mjs", nil)
	s.check(t)
}

// TestPeopleReturnToTheirApplication sends people from an application to the running
// stack and back. With SCREENSHOTS it writes a picture of each page to that folder.
func TestPeopleReturnToTheirApplication(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.travel(t, "signin.mjs", map[string]any{
		"app": application(t), "bye": "https://portal.example/bye", "resource": fixture.Orders, "screenshots": screenshots(t),
	})
	s.check(t)
}

// TestPeopleManageHowTheySignIn has people create passkeys and set up authenticator apps,
// lose them, and sign in with links and connected accounts. With JOURNEY it runs those
// journeys only that have this text in their name.
func TestPeopleManageHowTheySignIn(t *testing.T) {
	t.Parallel()
	s := start(t)
	command, err := filepath.Abs(filepath.Join(root, "bin", "tipstaff"))
	if err != nil {
		t.Fatal(err)
	}
	s.travel(t, "passkeys.mjs", map[string]any{
		"app": application(t), "resource": fixture.Orders, "tipstaff": command, "dir": s.Dir(),
		"upstreams": []string{s.Company.URL, s.CodeHost.URL}, "only": os.Getenv("JOURNEY"),
	})
	s.check(t)
}

// travel runs a script of journeys, with a person for each journey.
func (s *site) travel(t *testing.T, name string, more map[string]any) {
	t.Helper()
	names := []string{attacker}
	for i := range people {
		names = append(names, fmt.Sprintf("ada%d", i))
	}
	s.register(t, names...)
	clock := httptest.NewServer(s.clock)
	defer clock.Close()
	given := map[string]any{
		"base": s.BaseURL(), "clock": clock.URL, "otherSite": otherSite(t, s.BaseURL()),
		"people": names[1:], "password": password, "attacker": attacker,
	}
	maps.Copy(given, more)
	var results []struct{ Name, Failure string }
	script(t, name, given, &results)
	if len(results) == 0 {
		t.Fatal("the script has no journeys")
	}
	for _, r := range results {
		t.Run(r.Name, func(t *testing.T) {
			if r.Failure != "" {
				t.Error(r.Failure)
			}
		})
	}
}
