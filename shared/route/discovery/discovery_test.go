package discovery_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/discovery"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/wire"
)

func route(t *testing.T, documents, registration string) http.Handler {
	t.Helper()
	values := map[string]string{
		contract.EnvStage: "test", contract.EnvIssuer: routetest.Issuer,
		contract.EnvClientDocuments: documents, contract.EnvRegistration: registration,
	}
	env, err := wire.From(contract.Discovery, func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	env.Stdout = new(bytes.Buffer)
	h, err := discovery.New(env)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(t *testing.T, h http.Handler, path string) routetest.Answer {
	t.Helper()
	got := routetest.Do(h, httptest.NewRequest("GET", path, nil))
	if got.Status != 200 || got.Header.Get("Cache-Control") != "public, max-age=300" || got.Header.Get("Access-Control-Allow-Origin") != "*" ||
		got.Header.Get("Content-Type") != "application/json" || got.Header.Get("ETag") == "" {
		t.Fatalf("GET %s = %d %v", path, got.Status, got.Header)
	}
	return got
}

var serverPaths = []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}

func TestServer(t *testing.T) {
	h := route(t, "any", "token")
	got := get(t, h, serverPaths[0])
	if other := get(t, h, serverPaths[1]); other.Body != got.Body {
		t.Errorf("the two documents differ:\n%s\n%s", got.Body, other.Body)
	}
	// Every endpoint that is named exists, under the issuer.
	var paths []string
	for _, f := range contract.Routes {
		paths = append(paths, f.Paths...)
	}
	endpoints := 0
	for name, value := range got.JSON {
		if !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" {
			continue
		}
		endpoints++
		path, ok := strings.CutPrefix(value.(string), routetest.Issuer)
		if !ok || !slices.Contains(paths, path) {
			t.Errorf("%s = %v, which no route serves", name, value)
		}
	}
	if endpoints != 10 {
		t.Errorf("the document names %d endpoints, want 10", endpoints)
	}
	for name, want := range map[string]any{
		"issuer": routetest.Issuer, "authorization_response_iss_parameter_supported": true,
		"client_id_metadata_document_supported": true, "registration_endpoint": routetest.Issuer + "/register",
		"require_pushed_authorization_requests": false, "backchannel_logout_supported": true,
		"backchannel_logout_session_supported": true, "end_session_endpoint": routetest.Issuer + "/logout",
		"pushed_authorization_request_endpoint": routetest.Issuer + "/par",
		"request_parameter_supported":           false, "request_uri_parameter_supported": false, "claims_parameter_supported": false,
	} {
		if got.JSON[name] != want {
			t.Errorf("%s = %v, want %v", name, got.JSON[name], want)
		}
	}
}

// The lists of algorithms are those of the packages that implement them.
func TestLists(t *testing.T) {
	got := get(t, route(t, "any", "token"), serverPaths[0])
	for name, want := range map[string][]string{
		"response_types_supported":         {"code"},
		"response_modes_supported":         {"query", "form_post"},
		"code_challenge_methods_supported": {"S256"},
		"subject_types_supported":          {"public"},
		"prompt_values_supported":          {"none", "login", "consent", "select_account"},
		"grant_types_supported": {
			"authorization_code", "refresh_token", "client_credentials",
			"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
		},
		"scopes_supported":                                         oauth.IdentityScopes,
		"acr_values_supported":                                     {"aal1", "aal2"},
		"id_token_signing_alg_values_supported":                    keys.Algorithms,
		"dpop_signing_alg_values_supported":                        dpop.Algorithms,
		"token_endpoint_auth_signing_alg_values_supported":         token.Algorithms,
		"introspection_endpoint_auth_signing_alg_values_supported": token.Algorithms,
		"revocation_endpoint_auth_signing_alg_values_supported":    token.Algorithms,
		"token_endpoint_auth_methods_supported":                    {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"revocation_endpoint_auth_methods_supported":               {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"introspection_endpoint_auth_methods_supported":            {"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"protected_resources":                                      {routetest.Issuer + "/api"},
	} {
		if list := texts(got.JSON[name]); !slices.Equal(list, want) {
			t.Errorf("%s = %v, want %v", name, list, want)
		}
	}
	for _, algorithm := range append(slices.Clone(dpop.Algorithms), token.Algorithms...) {
		if strings.HasPrefix(algorithm, "HS") || algorithm == "none" {
			t.Errorf("algorithm %s is listed", algorithm)
		}
	}
	for _, claim := range []string{"sub", "iss", "auth_time", "acr", "amr", "sid", "name", "preferred_username", "email", "email_verified"} {
		if !slices.Contains(texts(got.JSON["claims_supported"]), claim) {
			t.Errorf("claims_supported lacks %s", claim)
		}
	}
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, _ := e.(string)
		out = append(out, s)
	}
	return out
}

// What a stage turns off is not in its document.
func TestModes(t *testing.T) {
	for _, tt := range []struct {
		documents, registration string
		described, registered   bool
	}{
		{"off", "off", false, false},
		{"any", "off", true, false},
		{"app.example.com", "off", true, false},
		{"off", "token", false, true},
		{"off", "open", false, true},
	} {
		got := get(t, route(t, tt.documents, tt.registration), serverPaths[0])
		if described := got.JSON["client_id_metadata_document_supported"]; described != tt.described {
			t.Errorf("documents %s: client_id_metadata_document_supported = %v, want %t", tt.documents, described, tt.described)
		}
		if _, registered := got.JSON["registration_endpoint"]; registered != tt.registered {
			t.Errorf("registration %s: there is a registration_endpoint: %t, want %t", tt.registration, registered, tt.registered)
		}
	}
}

// The resource in the document has the path that follows the well-known path (RFC 9728
// §3.3), and it is the audience of its tokens.
func TestResource(t *testing.T) {
	h := route(t, "off", "off")
	got := get(t, h, "/.well-known/oauth-protected-resource/api")
	if got.JSON["resource"] != routetest.Issuer+"/api" {
		t.Errorf("resource = %v", got.JSON["resource"])
	}
	if servers := texts(got.JSON["authorization_servers"]); !slices.Equal(servers, []string{routetest.Issuer}) {
		t.Errorf("authorization_servers = %v", servers)
	}
	if methods := texts(got.JSON["bearer_methods_supported"]); !slices.Equal(methods, []string{"header"}) {
		t.Errorf("bearer_methods_supported = %v", methods)
	}
	var scopes []string
	for _, s := range contract.APIScopes {
		scopes = append(scopes, s.Name)
	}
	if list := texts(got.JSON["scopes_supported"]); !slices.Equal(list, scopes) {
		t.Errorf("scopes_supported = %v, want %v", list, scopes)
	}
	if list := texts(got.JSON["dpop_signing_alg_values_supported"]); !slices.Equal(list, dpop.Algorithms) {
		t.Errorf("dpop_signing_alg_values_supported = %v", list)
	}
	if root := get(t, h, "/.well-known/oauth-protected-resource"); root.Body != got.Body {
		t.Errorf("the two documents differ:\n%s\n%s", got.Body, root.Body)
	}
	var known oauth.ResourceMetadata
	d := json.NewDecoder(strings.NewReader(got.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&known); err != nil {
		t.Error(err)
	}
}

// A second request is answered with 304.
func TestCached(t *testing.T) {
	h := route(t, "off", "off")
	for _, path := range contract.Discovery.Paths {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("If-None-Match", get(t, h, path).Header.Get("ETag"))
		if again := routetest.Do(h, r); again.Status != 304 {
			t.Errorf("GET %s again = %d, want 304", path, again.Status)
		}
	}
}
