package metadata_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

const device = oauth.GrantDeviceCode

func TestRegistration(t *testing.T) {
	m, err := metadata.ParseRegistration([]byte(`{
		"redirect_uris": ["https://app.example.com/cb", "http://127.0.0.1:3000/cb", "com.example.app:/cb"],
		"client_name": "Größe & Söhne", "client_name#de": "Größe", "client_uri": "https://app.example.com",
		"token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code", "client_credentials", "` + device + `"],
		"response_types": ["code", "token"], "scope": "admin", "contacts": ["a@example.com"], "client_secret": "x",
		"jwks": {"keys": []}, "software_statement": "x.y.z"}`))
	if err != nil {
		t.Fatal(err)
	}
	c := m.Client("some-id")
	if c.ID != "some-id" || c.Name != "Größe & Söhne" || len(c.RedirectURIs) != 3 || !c.SelfRegistered || !c.Public() {
		t.Errorf("client = %+v", c)
	}
	// The client has nothing that was not granted.
	if c.FirstParty || len(c.Access)+len(c.Introspects)+len(c.Exchanges)+len(c.Secrets)+len(c.Origins)+len(c.KeySet) != 0 {
		t.Errorf("client = %+v, want no access of its own", c)
	}
	if want := []string{"authorization_code", device, "refresh_token"}; !slices.Equal(c.Grants, want) {
		t.Errorf("grants = %v, want %v", c.Grants, want)
	}
	if !slices.Equal(c.AuthMethods, []string{"none"}) || !slices.Equal(c.Identity, oauth.IdentityScopes) {
		t.Errorf("auth methods %v, identity %v", c.AuthMethods, c.Identity)
	}
	if c.Idle != client.DefaultIdle || c.Absolute != client.DefaultAbsolute || c.Grace != client.DefaultGrace {
		t.Errorf("times = %v %v %v", c.Idle, c.Absolute, c.Grace)
	}
	a := m.Answer("some-id")
	if a.Method != "none" || !slices.Equal(a.ResponseTypes, []string{"code"}) || a.ClientID != "some-id" {
		t.Errorf("answer = %+v", a)
	}
}

// A client with minimal metadata gets the defaults of RFC 7591 §2. A device needs
// no redirect URI.
func TestMinimalMetadataHasDefaults(t *testing.T) {
	m, err := metadata.ParseRegistration([]byte(`{"redirect_uris":["https://app.example.com/cb"]}`))
	if err != nil || m.Name != "" || !slices.Equal(m.Grants, []string{"authorization_code", "refresh_token"}) {
		t.Errorf("metadata = %+v, %v", m, err)
	}
	m, err = metadata.ParseRegistration([]byte(`{"grant_types":["` + device + `"],"response_types":[]}`))
	if err != nil || !slices.Equal(m.Grants, []string{device, "refresh_token"}) {
		t.Fatalf("metadata = %+v, %v", m, err)
	}
	text, err := json.Marshal(m.Answer("x"))
	if err != nil || !strings.Contains(string(text), `"redirect_uris":[]`) || !strings.Contains(string(text), `"response_types":[]`) {
		t.Errorf("answer = %s, %v, want lists where strict clients look for them", text, err)
	}
}

// refusal checks the code of an error, and that the error repeats nothing of the
// request.
func refusal(t *testing.T, m *metadata.Metadata, err error, code oauth.Code) {
	t.Helper()
	refused, ok := errors.AsType[*oauth.Error](err)
	if !ok || refused.Code != code {
		t.Errorf("metadata = %+v, %v, want %s", m, err, code)
	} else if strings.Contains(refused.Detail, "evil") || refused.Detail == "" {
		t.Errorf("detail = %q", refused.Detail)
	}
}

func TestMetadataRefused(t *testing.T) {
	const good = `"redirect_uris":["https://app.example.com/cb"]`
	for _, body := range []string{
		``, ` `, `null`, `[]`, `"x"`, `1`, `true`, `{`, `{}{}`, `{"redirect_uris":`, `{` + good + `}x`,
		`{` + good + `,"client_name":1}`, `{` + good + `,"client_name":["evil"]}`, `{` + good + `,"grant_types":"authorization_code"}`,
		`{"redirect_uris":"https://app.example.com/cb"}`, `{"redirect_uris":[1]}`, `{"redirect_uris":{}}`,
		`{` + good + `,` + good + `}`, `{` + good + `,"client_name":"a","client_name":"evil"}`,
		`{` + good + `,"client_name":"` + strings.Repeat("e", 101) + `"}`, `{` + good + `,"client_name":"a\nb"}`,
		`{` + good + `,"client_name":"\u202egnp.evil"}`, `{` + good + `,"client_name":"a\u200bb"}`, `{` + good + `,"client_name":" evil"}`,
		`{` + good + `,"client_name":"evil\t"}`, `{` + good + `,"client_name":"` + "\xff" + `"}`,
		`{` + good + `,"grant_types":[]}`, `{` + good + `,"grant_types":["client_credentials"]}`, `{` + good + `,"grant_types":["refresh_token"]}`,
		`{` + good + `,"grant_types":["implicit","password"]}`, `{` + good + `,"response_types":["token"]}`, `{` + good + `,"response_types":[]}`,
	} {
		m, err := metadata.ParseRegistration([]byte(body))
		t.Run("", func(t *testing.T) { refusal(t, m, err, oauth.InvalidClientMetadata) })
	}
}

// Keycloak CVE-2026-9086 and -18211: every scheme that a browser would run, and
// hosts that only look like loopback.
func TestRedirectRefused(t *testing.T) {
	lists := []string{`[]`, `["https://app.example.com/cb","https://app.example.com/cb"]`}
	for _, uri := range []string{
		"javascript:alert(1)//evil", "JavaScript:alert(1)", "data:text/html,evil", "vbscript:x", "file:///evil", "blob:https://evil.test/x",
		"http://evil.test/cb", "http://localhost.evil.test/cb", "http://127.0.0.1.evil.test/cb", "http://localhost@evil.test/",
		"http://127.0.0.2/cb", "https://evil.test/cb#x", "https://user@evil.test/", "https://*.evil.test/", "https://evil.test/a/../b",
		"myapp:/cb", "myapp://cb", "HTTPS://evil.test/", "//evil.test/cb", "/cb", "", " ", "https://", `https://evil.test\@a`,
		"https://evil.test/" + strings.Repeat("a", 512), "urn:ietf:wg:oauth:2.0:oob",
	} {
		text, err := json.Marshal([]string{"https://app.example.com/cb", uri})
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, string(text))
	}
	var many []string
	for i := range metadata.MaxRedirects + 1 {
		many = append(many, fmt.Sprintf(`"https://app.example.com/%d"`, i))
	}
	lists = append(lists, "["+strings.Join(many, ",")+"]")
	for _, list := range lists {
		m, err := metadata.ParseRegistration([]byte(`{"redirect_uris":` + list + `}`))
		t.Run(list, func(t *testing.T) { refusal(t, m, err, oauth.InvalidRedirectURI) })
	}
	m, err := metadata.ParseRegistration([]byte(`{"client_name":"a"}`))
	refusal(t, m, err, oauth.InvalidRedirectURI)
}

// Every accepted registration is a client without privileges and has an answer.
func FuzzRegistration(f *testing.F) {
	f.Add([]byte(`{"redirect_uris":["https://app.example.com/cb"],"client_name":"App"}`))
	f.Add([]byte(`{"grant_types":["urn:ietf:params:oauth:grant-type:device_code"]}`))
	f.Add([]byte(`{"redirect_uris":["javascript:alert(1)"]}`))
	f.Add([]byte(`{"redirect_uris":[[[[[[{"a":1}]]]]]]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := metadata.ParseRegistration(body)
		if err != nil {
			if _, ok := errors.AsType[*oauth.Error](err); !ok {
				t.Errorf("ParseRegistration(%q) = %v, want an *oauth.Error", body, err)
			}
			return
		}
		check(t, body, m)
		if !m.Client("x").Public() {
			t.Errorf("ParseRegistration(%q) is not public", body)
		}
	})
}

func check(t *testing.T, body []byte, m *metadata.Metadata) {
	t.Helper()
	c := m.Client("x")
	if c.FirstParty || !c.SelfRegistered || len(c.Access) != 0 || len(c.Secrets) != 0 || c.MayUse(oauth.GrantClientCredentials) ||
		c.MayUse(oauth.GrantTokenExchange) || len(c.RedirectURIs) > metadata.MaxRedirects {
		t.Errorf("%q makes %+v", body, c)
	}
	if c.MayUse(oauth.GrantAuthorizationCode) && len(c.RedirectURIs) == 0 {
		t.Errorf("%q makes a client for codes without a redirect URI", body)
	}
	for _, uri := range c.RedirectURIs {
		if err := client.CheckRedirect(uri); err != nil {
			t.Errorf("%q has the redirect URI %q: %v", body, uri, err)
		}
	}
	if _, err := json.Marshal(m.Answer("x")); err != nil {
		t.Error(err)
	}
}
