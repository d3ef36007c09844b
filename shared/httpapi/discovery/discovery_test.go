package discovery_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/discovery"
	"github.com/tipstaff/tipstaff/shared/httpapi/routetest"
	"github.com/tipstaff/tipstaff/shared/wire"
)

func TestDiscovery(t *testing.T) {
	values := map[string]string{contract.EnvStage: "test", contract.EnvIssuer: routetest.Issuer}
	env, err := wire.From(contract.Discovery, func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	env.Stdout = new(bytes.Buffer)
	route, err := discovery.New(env)
	if err != nil {
		t.Fatal(err)
	}
	got := routetest.Do(route, httptest.NewRequest("GET", contract.Discovery.Paths[0], nil))
	if got.Status != 200 || got.Header.Get("Cache-Control") != "public, max-age=300" || got.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("answer = %d %v", got.Status, got.Header)
	}
	if got.JSON["issuer"] != routetest.Issuer {
		t.Errorf("issuer = %v, want %s", got.JSON["issuer"], routetest.Issuer)
	}
	// Every endpoint that is named exists, under the issuer.
	var paths []string
	for _, f := range contract.Routes {
		paths = append(paths, f.Paths...)
	}
	for name, value := range got.JSON {
		if !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" {
			continue
		}
		path, ok := strings.CutPrefix(value.(string), routetest.Issuer)
		if !ok || !slices.Contains(paths, path) {
			t.Errorf("%s = %v, which no route serves", name, value)
		}
	}
	var document struct {
		Grants    []string  `json:"grant_types_supported"`
		Responses *[]string `json:"response_types_supported"`
	}
	if err := json.Unmarshal([]byte(got.Body), &document); err != nil {
		t.Fatal(err)
	}
	if document.Responses == nil || !slices.Equal(document.Grants, []string{"client_credentials", "refresh_token"}) {
		t.Errorf("document = %s", got.Body)
	}
}
