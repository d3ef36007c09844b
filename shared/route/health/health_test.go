package health_test

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/health"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/wire"
)

func TestHealth(t *testing.T) {
	values := map[string]string{
		contract.EnvStage: "test", contract.EnvIssuer: routetest.Issuer, contract.EnvCommit: "abc1234", "AWS_REGION": "eu-central-1",
	}
	env, err := wire.From(contract.Health, func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	env.Stdout = new(bytes.Buffer)
	route, err := health.New(env)
	if err != nil {
		t.Fatal(err)
	}
	got := routetest.Do(route, httptest.NewRequest("GET", "/health", nil))
	want := `{"status":"healthy","version":"` + contract.Version + `","commit":"abc1234","region":"eu-central-1"}`
	if got.Status != 200 || got.Body != want || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("answer = %d %s %v, want %s", got.Status, got.Body, got.Header, want)
	}
	if got := routetest.Do(route, httptest.NewRequest("POST", "/health", nil)); got.Status != 405 || got.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST = %d, Allow %q, want 405 and GET, HEAD", got.Status, got.Header.Get("Allow"))
	}
	if n := env.Calls.Load(); n != 0 {
		t.Errorf("health made %d calls", n)
	}
}
