package relying_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
)

// redirector sends requests for real hosts to a server of the test.
type redirector struct{ to *url.URL }

func (d redirector) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = d.to.Scheme, d.to.Host
	return http.DefaultTransport.RoundTrip(r)
}

// Google verifies its own addresses and those of organizations. Any other address was
// verified only once, and does not count as verified.
func TestGoogle(t *testing.T) {
	for name, tt := range map[string]struct {
		email    string
		hd       any
		verified bool
	}{
		"organization":     {email: "ada@example.com", hd: "example.com", verified: true},
		"its own":          {email: "ada@gmail.com", verified: true},
		"another user's":   {email: "ada@example.com"},
		"look-alike of it": {email: "ada@gmail.com.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			r := relate(t, upstreamtest.OIDC(t), upstream.TypeGoogle)
			r.upstream.Issuer = upstream.GoogleIssuer
			at, err := url.Parse(r.server.URL)
			if err != nil {
				t.Fatal(err)
			}
			r.Transport = redirector{to: at}
			google := func(path string) any { return upstream.GoogleIssuer + path }
			r.server.Behave(upstreamtest.Manners{
				Answer: "-",
				Claims: map[string]any{"iss": upstream.GoogleIssuer, "hd": tt.hd},
				Metadata: map[string]any{
					"issuer": upstream.GoogleIssuer, "authorization_endpoint": google("/authorize"), "token_endpoint": google("/token"),
					"jwks_uri": google("/jwks"), "userinfo_endpoint": google("/userinfo"), "authorization_response_iss_parameter_supported": nil,
				},
			})
			r.server.Become(upstreamtest.Account{Subject: "1", Email: tt.email, EmailVerified: true})
			j := r.journey()
			location, err := r.Leave(t.Context(), r.upstream, "a-state", j)
			if err != nil {
				t.Fatal(err)
			}
			back := r.server.Visit(t, strings.Replace(location, upstream.GoogleIssuer, r.server.URL, 1))
			who, err := r.Arrive(t.Context(), r.upstream, j, relying.ReadAnswer(back.Query()))
			if err != nil || who.EmailVerified != tt.verified || who.Email != tt.email || who.Issuer != upstream.GoogleIssuer {
				t.Errorf("Arrive = %+v, %v, want %s, verified: %t", who, err, tt.email, tt.verified)
			}
		})
	}
}
