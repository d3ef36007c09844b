package home_test

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/home"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/wire"
)

func TestHome(t *testing.T) {
	values := map[string]string{contract.EnvStage: "test", contract.EnvIssuer: routetest.Issuer, "AWS_REGION": "eu-central-1"}
	env, err := wire.From(contract.Home, func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	env.Stdout = new(bytes.Buffer)
	route, err := home.New(env)
	if err != nil {
		t.Fatal(err)
	}
	got := routetest.Do(route, httptest.NewRequest("GET", "/", nil))
	if got.Status != 200 || got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("GET / = %d %v, want a page", got.Status, got.Header)
	}
	for _, path := range []string{
		contract.Login.Path(), contract.Account.Path(), contract.JWKS.Path(), contract.Health.Path(),
		contract.Discovery.Path(), contract.Discovery.Paths[1],
	} {
		if !strings.Contains(got.Body, `href="`+path+`"`) {
			t.Errorf("the page has no link to %s:\n%s", path, got.Body)
		}
	}
	if !strings.Contains(got.Body, routetest.Issuer) {
		t.Errorf("the page does not name the issuer %s", routetest.Issuer)
	}
	refused := routetest.Do(route, httptest.NewRequest("POST", "/", nil))
	if refused.Status != 405 || !strings.Contains(refused.Body, "<h1>") || refused.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST / = %d %v %s, want 405 as a page", refused.Status, refused.Header, refused.Body)
	}
	if n := env.Calls.Load(); n != 0 {
		t.Errorf("home made %d calls", n)
	}
}
