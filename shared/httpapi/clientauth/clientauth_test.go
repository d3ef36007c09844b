package clientauth_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

func basic(plain string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(plain)) }

func TestRead(t *testing.T) {
	tests := []struct {
		name          string
		authorization string
		form          url.Values
		want          clientauth.Credentials
		code          oauth.Code
	}{
		{name: "basic", authorization: basic("app:tss_x"), want: clientauth.Credentials{ID: "app", Secret: "tss_x", Method: "client_secret_basic"}},
		{name: "basic, form-encoded", authorization: basic("a%2Db:s%3A"), want: clientauth.Credentials{ID: "a-b", Secret: "s:", Method: "client_secret_basic"}},
		{name: "basic in any case", authorization: "bAsIc " + base64.StdEncoding.EncodeToString([]byte("a:b")), want: clientauth.Credentials{ID: "a", Secret: "b", Method: "client_secret_basic"}},
		{name: "basic with the same client_id", authorization: basic("a:b"), form: url.Values{"client_id": {"a"}}, want: clientauth.Credentials{ID: "a", Secret: "b", Method: "client_secret_basic"}},
		{name: "post", form: url.Values{"client_id": {"a"}, "client_secret": {"b"}}, want: clientauth.Credentials{ID: "a", Secret: "b", Method: "client_secret_post"}},
		{name: "nothing", code: oauth.InvalidClient},
		{name: "id alone", form: url.Values{"client_id": {"a"}}, want: clientauth.Credentials{ID: "a", Method: "none"}},
		{name: "secret alone", form: url.Values{"client_secret": {"b"}}, code: oauth.InvalidClient},
		{name: "two ways", authorization: basic("a:b"), form: url.Values{"client_id": {"a"}, "client_secret": {"b"}}, code: oauth.InvalidRequest},
		{name: "two clients", authorization: basic("a:b"), form: url.Values{"client_id": {"c"}}, code: oauth.InvalidRequest},
		{name: "bearer", authorization: "Bearer x", code: oauth.InvalidClient},
		{
			name: "assertion", form: url.Values{"client_id": {"a"}, "client_assertion_type": {clientauth.AssertionType}, "client_assertion": {"x.y.z"}},
			want: clientauth.Credentials{ID: "a", Assertion: "x.y.z", Method: "private_key_jwt"},
		},
		{
			name: "assertion alone", form: url.Values{"client_assertion_type": {clientauth.AssertionType}, "client_assertion": {"x.y.z"}},
			want: clientauth.Credentials{Assertion: "x.y.z", Method: "private_key_jwt"},
		},
		{name: "assertion without its type", form: url.Values{"client_id": {"a"}, "client_assertion": {"x"}}, code: oauth.InvalidClient},
		{name: "type without its assertion", form: url.Values{"client_id": {"a"}, "client_assertion_type": {clientauth.AssertionType}}, code: oauth.InvalidClient},
		{
			name: "a SAML assertion", code: oauth.InvalidClient,
			form: url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "client_assertion": {"x"}},
		},
		{
			name: "assertion and secret", code: oauth.InvalidRequest,
			form: url.Values{"client_id": {"a"}, "client_secret": {"b"}, "client_assertion_type": {clientauth.AssertionType}, "client_assertion": {"x"}},
		},
		{name: "secret and a type", form: url.Values{"client_id": {"a"}, "client_secret": {"b"}, "client_assertion_type": {"x"}}, code: oauth.InvalidRequest},
		{name: "secret and a bare assertion", form: url.Values{"client_id": {"a"}, "client_secret": {"b"}, "client_assertion": {"x"}}, code: oauth.InvalidRequest},
		{
			name: "basic and assertion", authorization: basic("a:b"), code: oauth.InvalidRequest,
			form: url.Values{"client_assertion_type": {clientauth.AssertionType}, "client_assertion": {"x"}},
		},
		{
			name: "all three", authorization: basic("a:b"), code: oauth.InvalidRequest,
			form: url.Values{"client_id": {"a"}, "client_secret": {"b"}, "client_assertion_type": {clientauth.AssertionType}, "client_assertion": {"x"}},
		},
		{name: "no colon", authorization: basic("ab"), code: oauth.InvalidClient},
		{name: "no secret", authorization: basic("a:"), code: oauth.InvalidClient},
		{name: "no id", authorization: basic(":b"), code: oauth.InvalidClient},
		{name: "not base64", authorization: "Basic ???", code: oauth.InvalidClient},
		{name: "broken escape", authorization: basic("a%zz:b"), code: oauth.InvalidClient},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{Header: http.Header{}, PostForm: tt.form, URL: &url.URL{RawQuery: "client_id=q&client_secret=q"}}
			if tt.authorization != "" {
				r.Header.Set("Authorization", tt.authorization)
			}
			got, err := clientauth.Read(r)
			var code oauth.Code
			if refused, ok := errors.AsType[*oauth.Error](err); ok {
				code = refused.Code
			}
			if got != tt.want || code != tt.code {
				t.Errorf("Read() = %+v, %v, want %+v, %q", got, err, tt.want, tt.code)
			}
		})
	}
}

// FuzzParseBasic holds every header to the rule: credentials have an id and a
// secret, or there are none.
func FuzzParseBasic(f *testing.F) {
	for _, seed := range []string{"", "Basic", "Basic ", basic("a:b"), basic("a:b:c"), basic("%41:%"), "basic YTpi\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, ok := clientauth.ParseBasic(header)
		if ok && (got.ID == "" || got.Secret == "" || got.Method != oauth.ClientSecretBasic) {
			t.Errorf("ParseBasic(%q) = %+v, want an id and a secret", header, got)
		}
		if !ok && got != (clientauth.Credentials{}) {
			t.Errorf("ParseBasic(%q) = %+v beside false", header, got)
		}
	})
}
