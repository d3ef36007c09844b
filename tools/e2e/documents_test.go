package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

var (
	wellKnown = []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}
	resource  = []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/api"}
)

// TestMetadata: both metadata documents are the same, name this server as the issuer,
// and announce only what the server has (RFC 8414 §2).
func TestMetadata(t *testing.T) {
	var first []byte
	for _, path := range wellKnown {
		a := request{method: "GET", path: path}.do(t)
		if a.status != http.StatusOK {
			t.Fatalf("GET %s = %d %s, want 200", path, a.status, a.body)
		}
		got := a.object(t)
		for name, want := range map[string]string{
			"issuer":                                target.url,
			"authorization_endpoint":                target.url + "/authorize",
			"token_endpoint":                        target.url + "/token",
			"jwks_uri":                              target.url + "/jwks",
			"userinfo_endpoint":                     target.url + "/userinfo",
			"introspection_endpoint":                target.url + "/introspect",
			"revocation_endpoint":                   target.url + "/revoke",
			"end_session_endpoint":                  target.url + "/logout",
			"pushed_authorization_request_endpoint": target.url + "/par",
			"device_authorization_endpoint":         target.url + "/device_authorization",
		} {
			if got[name] != want {
				t.Errorf("%s: %s = %v, want %s", path, name, got[name], want)
			}
		}
		for name, want := range map[string][]string{
			"token_endpoint_auth_methods_supported": {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
			"grant_types_supported":                 {"client_credentials", "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange"},
			"code_challenge_methods_supported":      {"S256"},
			"response_types_supported":              {"code"},
			"response_modes_supported":              {"query", "form_post"},
			"id_token_signing_alg_values_supported": {"ES256", "RS256"},
			"dpop_signing_alg_values_supported":     {"ES256"},
			"subject_types_supported":               {"public"},
			"scopes_supported":                      {"openid", "profile", "email", "offline_access"},
		} {
			values, _ := got[name].([]any)
			for _, value := range want {
				if !slices.Contains(values, any(value)) {
					t.Errorf("%s: %s = %v, want %s in it", path, name, values, value)
				}
			}
		}
		if got["authorization_response_iss_parameter_supported"] != true {
			t.Errorf("%s does not promise the issuer in every redirect", path)
		}
		if first != nil && !bytes.Equal(first, a.body) {
			t.Errorf("the two documents differ:\n%s\n%s", first, a.body)
		}
		first = a.body
	}
}

// TestResourceMetadata: the metadata of our own API names the issuer of its tokens
// (RFC 9728 §2).
func TestResourceMetadata(t *testing.T) {
	for path, want := range map[string]string{resource[1]: target.url + "/api"} {
		a := request{method: "GET", path: path}.do(t)
		if a.status != http.StatusOK {
			t.Fatalf("GET %s = %d %s, want 200", path, a.status, a.body)
		}
		got := a.object(t)
		servers, _ := got["authorization_servers"].([]any)
		if got["resource"] != want || !slices.Equal(servers, []any{target.url}) {
			t.Errorf("%s describes %v of %v, want %s of %s", path, got["resource"], servers, want, target.url)
		}
	}
}

// TestEndpointsOfMetadataAnswer: every endpoint that the metadata names answers.
func TestEndpointsOfMetadataAnswer(t *testing.T) {
	metadata := request{method: "GET", path: wellKnown[0]}.do(t).object(t)
	for name, value := range metadata {
		endpoint, _ := value.(string)
		if !strings.HasSuffix(name, "_endpoint") && !strings.HasSuffix(name, "_uri") {
			continue
		}
		path, ours := strings.CutPrefix(endpoint, target.url)
		if !ours {
			t.Errorf("%s = %q, want it below the issuer %s", name, endpoint, target.url)
			continue
		}
		if a := (request{method: "GET", path: path}).do(t); a.status == http.StatusNotFound {
			t.Errorf("%s: GET %s = 404, want an endpoint there", name, path)
		}
	}
}

// TestPublicDocumentsAreCacheable: public documents may be cached for 5 minutes, and
// are revalidated by their ETag.
func TestPublicDocumentsAreCacheable(t *testing.T) {
	for _, path := range slices.Concat([]string{"/jwks"}, wellKnown, resource) {
		t.Run(path, func(t *testing.T) {
			first := request{method: "GET", path: path}.do(t)
			if got := first.header.Get("Cache-Control"); got != "public, max-age=300" {
				t.Errorf("Cache-Control = %q, want public, max-age=300", got)
			}
			if got := first.header.Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("Access-Control-Allow-Origin = %q, want *", got)
			}
			if got := first.header.Get("Pragma"); got != "" {
				t.Errorf("Pragma = %q, want none", got)
			}
			etag := first.header.Get("ETag")
			if etag == "" {
				t.Fatal("ETag is missing")
			}
			for _, presented := range []string{etag, `"other", W/` + etag, "*"} {
				again := request{method: "GET", path: path, header: http.Header{"If-None-Match": {presented}}}.do(t)
				if again.status != http.StatusNotModified || len(again.body) != 0 || again.header.Get("ETag") != etag {
					t.Errorf("If-None-Match %s = %d with %d bytes and ETag %s, want 304, none and %s",
						presented, again.status, len(again.body), again.header.Get("ETag"), etag)
				}
			}
			if changed := (request{method: "GET", path: path, header: http.Header{"If-None-Match": {`"other"`}}}).do(t); changed.status != http.StatusOK {
				t.Errorf(`If-None-Match "other" = %d, want 200`, changed.status)
			}
			head := request{method: "HEAD", path: path}.do(t)
			if head.status != http.StatusOK || len(head.body) != 0 || head.header.Get("ETag") != etag {
				t.Errorf("HEAD = %d with %d bytes and ETag %s, want 200, none and %s", head.status, len(head.body), head.header.Get("ETag"), etag)
			}
		})
	}
}

// TestKeys: the key set has both algorithms, each key has one use, and no key has
// private members.
func TestKeys(t *testing.T) {
	a := request{method: "GET", path: "/jwks"}.do(t)
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(a.body, &set); err != nil {
		t.Fatalf("GET /jwks = %d %s: %v", a.status, a.body, err)
	}
	algorithms, ids := map[any]int{}, map[any]int{}
	for _, key := range set.Keys {
		algorithms[key["alg"]]++
		ids[key["kid"]]++
		if key["use"] != "sig" || key["kid"] == nil {
			t.Errorf("key %v: use = %v, want sig and a kid", key["kid"], key["use"])
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, ok := key[private]; ok {
				t.Errorf("key %v shows its private member %q", key["kid"], private)
			}
		}
	}
	if algorithms["ES256"] == 0 || algorithms["RS256"] == 0 || len(set.Keys) > 10 || len(ids) != len(set.Keys) {
		t.Errorf("%d keys with %d ids, by algorithm %v; want ES256 and RS256, distinct ids, at most 10", len(set.Keys), len(ids), algorithms)
	}
}

// TestUnknownPaths: an unknown path is 404, so that clients try their next URL.
func TestUnknownPaths(t *testing.T) {
	for _, path := range []string{
		"/nothing", "/token/", "/Token", "/jwks.json", "/health/x", "/.well-known/", "/.well-known/openid-configuration/x",
		"/.well-known/oauth-protected-resource/nothing", "/x/.well-known/openid-configuration", "//token",
	} {
		if a := (request{method: "GET", path: path}).do(t); a.status != http.StatusNotFound {
			t.Errorf("GET %s = %d %s, want 404", path, a.status, a.body)
		}
	}
}

// TestMethods: a method that a route does not serve is 405, with the methods that it
// serves.
func TestMethods(t *testing.T) {
	for _, tt := range []struct {
		path    string
		allowed []string
	}{
		{"/health", []string{"GET", "HEAD"}},
		{"/jwks", []string{"GET", "HEAD", "OPTIONS"}},
		{wellKnown[0], []string{"GET", "HEAD", "OPTIONS"}},
		{"/token", []string{"POST", "OPTIONS"}},
		{"/introspect", []string{"POST"}},
		{"/ready", []string{"GET", "HEAD"}},
		{"/par", []string{"POST", "OPTIONS"}},
		{"/device_authorization", []string{"POST", "OPTIONS"}},
		{"/userinfo", []string{"GET", "HEAD", "POST", "OPTIONS"}},
		{"/client", []string{"GET", "HEAD", "OPTIONS"}},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			a := request{method: method, path: tt.path}.do(t)
			if slices.Contains(tt.allowed, method) {
				if a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotFound {
					t.Errorf("%s %s = %d, want it served", method, tt.path, a.status)
				}
				continue
			}
			if a.status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s = %d %s, want 405", method, tt.path, a.status, a.body)
				continue
			}
			allow := strings.Split(a.header.Get("Allow"), ", ")
			slices.Sort(allow)
			want := slices.Sorted(slices.Values(tt.allowed))
			if !slices.Equal(allow, want) {
				t.Errorf("%s %s: Allow = %q, want %q", method, tt.path, allow, want)
			}
			if method != http.MethodHead { // an answer to HEAD has no body
				a.object(t)
			}
		}
	}
}

// TestPreflight: the preflight of a token request succeeds.
func TestPreflight(t *testing.T) {
	a := request{method: "OPTIONS", path: "/token", header: http.Header{
		"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"POST"},
		"Access-Control-Request-Headers": {"authorization,content-type"},
	}}.do(t)
	if a.status != http.StatusNoContent && a.status != http.StatusOK {
		t.Errorf("status = %d, want 204", a.status)
	}
	if got := a.header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("Access-Control-Allow-Origin = %q, want *", got)
	}
	if got := a.header.Get("Access-Control-Allow-Credentials"); got != "" {
		t.Errorf("Access-Control-Allow-Credentials = %q, want none", got)
	}
	for _, header := range []string{"Authorization", "Content-Type", "DPoP", "MCP-Protocol-Version"} {
		if !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), header) {
			t.Errorf("Access-Control-Allow-Headers = %q, want %s in it", a.header.Get("Access-Control-Allow-Headers"), header)
		}
	}
	if !strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("Access-Control-Allow-Methods = %q, want POST in it", a.header.Get("Access-Control-Allow-Methods"))
	}
}
