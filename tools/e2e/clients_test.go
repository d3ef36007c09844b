package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// TestGoClient runs the usual Go libraries on both sides: x/oauth2 fetches the
// token, and go-oidc verifies it with the keys that the metadata names.
func TestGoClient(t *testing.T) {
	provider, err := oidc.NewProvider(t.Context(), target.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, api := range []struct{ resource, scope, algorithm string }{
		{target.resource, target.scope, target.algorithm},
		{target.otherResource, target.otherScope, target.otherAlgorithm},
	} {
		verifier := provider.VerifierContext(t.Context(), &oidc.Config{
			ClientID: api.resource, SupportedSigningAlgs: []string{api.algorithm},
		})
		for name, style := range map[string]oauth2.AuthStyle{"header": oauth2.AuthStyleInHeader, "params": oauth2.AuthStyleInParams, "detect": oauth2.AuthStyleAutoDetect} {
			t.Run(api.algorithm+" "+name, func(t *testing.T) {
				config := &clientcredentials.Config{
					ClientID: target.clientID, ClientSecret: target.clientSecret,
					TokenURL: provider.Endpoint().TokenURL, Scopes: []string{api.scope}, AuthStyle: style,
					EndpointParams: url.Values{"resource": {api.resource}},
				}
				issued, err := config.Token(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if issued.Type() != "Bearer" || !issued.Valid() || issued.RefreshToken != "" {
					t.Errorf("token of type %q, valid %t, with refresh token: %t; want a valid Bearer without", issued.Type(), issued.Valid(), issued.RefreshToken != "")
				}
				verified, err := verifier.Verify(t.Context(), issued.AccessToken)
				if err != nil {
					t.Fatalf("verify with the published keys: %v", err)
				}
				var claims struct {
					ClientID string `json:"client_id"`
					Scope    string `json:"scope"`
					ID       string `json:"jti"`
				}
				if err := verified.Claims(&claims); err != nil {
					t.Fatal(err)
				}
				if verified.Issuer != target.url || verified.Subject != target.clientID || claims.ClientID != target.clientID || claims.Scope != api.scope || claims.ID == "" {
					t.Errorf("claims: iss %q, sub %q, %+v; want %q, %q and scope %q", verified.Issuer, verified.Subject, claims, target.url, target.clientID, api.scope)
				}
			})
		}
	}
}

// TestForeignAudience: a resource server learns nothing about the tokens of another
// one (Keycloak CVE-2026-37979).
func TestForeignAudience(t *testing.T) {
	theirs := tokenRequest(url.Values{"resource": {target.otherResource}, "scope": {target.otherScope}}).do(t)
	presented, _ := theirs.object(t)["access_token"].(string)
	if theirs.status != http.StatusOK {
		t.Fatalf("token for %s = %d %s, want 200", target.otherResource, theirs.status, theirs.body)
	}
	a := introspect(t, presented)
	if got := strings.TrimSpace(string(a.body)); a.status != http.StatusOK || got != `{"active":false}` {
		t.Errorf("introspection by another resource server = %d %s, want 200 {\"active\":false}", a.status, got)
	}
	owner := request{
		method: "POST", path: "/introspect", id: target.otherServerID, secret: target.otherServerSecret,
		form: url.Values{"token": {presented}},
	}.do(t)
	if owner.object(t)["active"] != true {
		t.Errorf("introspection by its own resource server = %s, want active", owner.body)
	}
	client := request{
		method: "POST", path: "/introspect", id: target.clientID, secret: target.clientSecret,
		form: url.Values{"token": {presented}},
	}.do(t)
	if client.status == http.StatusOK && client.object(t)["active"] != false {
		t.Errorf("introspection by a client that is no resource server = %s, want inactive", client.body)
	}
}

// TestTokensDiffer: two requests get two different tokens.
func TestTokensDiffer(t *testing.T) {
	if first, second := token(t), token(t); first == second {
		t.Error("two token requests got the same token")
	}
}

// TestOpenIDClient and TestOAuth4WebAPI run the two libraries that Node programs use.
// The scripts verify the tokens, and the test compares their output.
func TestOpenIDClient(t *testing.T) {
	var got map[string]struct {
		Tokens          map[string]any
		Introspection   map[string]any
		Payload         map[string]any
		ProtectedHeader map[string]any
	}
	node(t, "node/openid-client.mjs", &got)
	for _, way := range []string{"basic", "post"} {
		v := got[way]
		if v.Introspection["active"] != true || v.Payload["client_id"] != target.clientID || v.Tokens["scope"] != target.scope {
			t.Errorf("%s: %+v, want an active token of %s", way, v, target.clientID)
		}
		if v.ProtectedHeader["alg"] != target.algorithm || v.ProtectedHeader["typ"] != "at+jwt" {
			t.Errorf("%s: header %v, want %s and at+jwt", way, v.ProtectedHeader, target.algorithm)
		}
	}
}

func TestOAuth4WebAPI(t *testing.T) {
	var got struct {
		Basic, Post struct {
			Tokens, Introspection, Claims map[string]any
		}
		Refusals map[string]struct {
			Name, Error string
			Status      int
		}
	}
	node(t, "node/oauth4webapi.mjs", &got)
	for _, v := range []struct{ Tokens, Introspection, Claims map[string]any }{got.Basic, got.Post} {
		if v.Introspection["active"] != true || v.Claims["client_id"] != target.clientID || v.Tokens["token_type"] != "bearer" {
			t.Errorf("%+v, want an active bearer token of %s", v, target.clientID)
		}
	}
	for name, want := range map[string]struct {
		error  string
		status int
	}{
		"wrongSecretPosted": {"invalid_client", 401},
		"wrongSecretBasic":  {"basic", 401}, // the client shows the challenge
		"unknownScope":      {"invalid_scope", 400},
		"unknownResource":   {"invalid_target", 400},
	} {
		if r := got.Refusals[name]; r.Error != want.error || r.Status != want.status {
			t.Errorf("%s: %+v, want %s with %d", name, r, want.error, want.status)
		}
	}
}

// TestOAuth4WebAPISessions runs the same client over a session.
func TestOAuth4WebAPISessions(t *testing.T) {
	var got map[string]struct {
		Next, Narrow map[string]any
		Refused      struct {
			Error  string
			Status int
		}
	}
	node(t, "node/session.mjs", &got)
	for _, kind := range []string{"public", "secret"} {
		v := got[kind]
		if v.Next["token_type"] != "bearer" || v.Next["refresh_token"] == nil || v.Narrow["scope"] != "orders:read" {
			t.Errorf("%s: %+v, want tokens, and then fewer scopes", kind, v)
		}
		if v.Refused.Error != "invalid_grant" || v.Refused.Status != 400 {
			t.Errorf("%s: after the revocation %+v, want invalid_grant with 400", kind, v.Refused)
		}
	}
}

// TestGoSession: x/oauth2 refreshes an access token that has expired.
func TestGoSession(t *testing.T) {
	for name, config := range map[string]*oauth2.Config{
		"public": {ClientID: target.phoneID, Endpoint: oauth2.Endpoint{AuthStyle: oauth2.AuthStyleInParams}},
		"secret": {ClientID: target.backendID, ClientSecret: target.backendSecret},
	} {
		config.Endpoint.TokenURL = target.url + "/token"
		begun := signIn(t, config.ClientID)
		renewed, err := config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: text(t, begun, "refresh_token")}).Token()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !renewed.Valid() || renewed.RefreshToken == "" || renewed.RefreshToken == text(t, begun, "refresh_token") || !active(t, renewed.AccessToken) {
			t.Errorf("%s: refresh token new: %t, access token active: %t, want both", name, renewed.RefreshToken != text(t, begun, "refresh_token"), active(t, renewed.AccessToken))
		}
	}
}

// node runs a script with the target in its environment and reads the JSON
// that it prints.
func node(t *testing.T, script string, into any) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", script)
	cmd.Env = append(os.Environ(), target.environment()...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", script, err, stderr.String())
	}
	target.remember(nil, out)
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("node %s printed %q: %v", script, out, err)
	}
}
