package relying_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
)

// The answers of a hostile or faulty issuer. None of them signs a user in.
func TestHostileIssuer(t *testing.T) {
	claim := func(name string, value any) upstreamtest.Manners {
		return upstreamtest.Manners{Claims: map[string]any{name: value}}
	}
	metadata := func(name string, value any) upstreamtest.Manners {
		return upstreamtest.Manners{Metadata: map[string]any{name: value}}
	}
	now := time.Now()
	tests := []struct {
		name      string
		manners   upstreamtest.Manners
		reason    string // what the error holds
		temporary bool
	}{
		{name: "wrong nonce", manners: claim("nonce", "another"), reason: "belongs to another journey"},
		{name: "no nonce", manners: claim("nonce", nil), reason: "belongs to another journey"},
		{name: "wrong audience", manners: claim("aud", "another-client"), reason: "for another client"},
		{name: "no audience", manners: claim("aud", nil), reason: "for another client"},
		{name: "further audience", manners: claim("aud", []string{"tipstaff", "another-client"}), reason: "has other audiences, too"},
		{name: "wrong authorized party", manners: claim("azp", "another-client"), reason: "given to another client"},
		{name: "wrong issuer", manners: claim("iss", "https://accounts.example.com"), reason: "another issuer's"},
		{name: "issuer with a slash more", manners: claim("iss", "http://127.0.0.1/"), reason: "another issuer's"},
		{name: "no subject", manners: claim("sub", nil), reason: "has no valid subject"},
		{name: "long subject", manners: claim("sub", strings.Repeat("x", 256)), reason: "has no valid subject"},
		{name: "subject that is a number", manners: claim("sub", 1815), reason: "cannot be verified"},
		{name: "expired", manners: claim("exp", now.Add(-time.Hour).Unix()), reason: "expired"},
		{name: "no expiry", manners: claim("exp", nil), reason: "expired"},
		{name: "of the future", manners: claim("iat", now.Add(time.Hour).Unix()), reason: "not of this time"},
		{name: "of no time", manners: claim("iat", nil), reason: "not of this time"},
		{name: "not good yet", manners: claim("nbf", now.Add(time.Hour).Unix()), reason: "not good yet"},
		{name: "another access token", manners: claim("at_hash", "AAAA"), reason: "access token is not that"},
		{name: "claims of another type", manners: claim("name", 7), reason: "claims of the id token are malformed"},
		{name: "alg none", manners: upstreamtest.Manners{Algorithm: "none"}, reason: "malformed, or signed in a way"},
		{name: "alg HS256", manners: upstreamtest.Manners{Algorithm: "HS256"}, reason: "malformed, or signed in a way"},
		{name: "foreign key", manners: upstreamtest.Manners{Foreign: true}, reason: "not signed by the upstream"},
		{name: "userinfo of another", manners: upstreamtest.Manners{Sparse: true, UserInfoSubject: "1816"}, reason: "about another account"},
		{name: "metadata of another issuer", manners: metadata("issuer", "https://accounts.example.com"), reason: "metadata is another issuer's"},
		{name: "token endpoint without TLS", manners: metadata("token_endpoint", "http://169.254.169.254/latest"), reason: "not https"},
		{name: "userinfo without TLS", manners: metadata("userinfo_endpoint", "http://192.0.2.1/"), reason: "not https"},
		{name: "keys from a file", manners: metadata("jwks_uri", "file:///etc/passwd"), reason: "not https"},
		{name: "no token endpoint", manners: metadata("token_endpoint", nil), reason: "lacks an endpoint"},
		{name: "code is refused", manners: upstreamtest.Manners{TokenError: "invalid_grant"}, reason: "answers 400: invalid_grant"},
		{name: "an error that quotes", manners: upstreamtest.Manners{TokenError: "See https://evil.example"}, reason: "answers 400"},
		{name: "mix-up", manners: upstreamtest.Manners{Answer: "https://accounts.example.com"}, reason: "the answer is another issuer's"},
		{name: "issuer left out", manners: upstreamtest.Manners{Answer: "-"}, reason: "lacks the issuer that the upstream promised"},
		{name: "error answer", manners: upstreamtest.Manners{Error: "invalid_scope"}, reason: "invalid_scope"},
		{name: "error that is a page", manners: upstreamtest.Manners{Error: "<b>call 555</b>"}, reason: "answers with an error"},
		{name: "error that passes", manners: upstreamtest.Manners{Error: "temporarily_unavailable"}, reason: "temporarily_unavailable", temporary: true},
		{name: "token endpoint redirects", manners: upstreamtest.Manners{Moved: "/token", Elsewhere: "/token2"}, reason: "answers 307"},
		{name: "keys redirect", manners: upstreamtest.Manners{Moved: "/jwks", Elsewhere: "/authorize"}, reason: "not signed by the upstream"},
		{name: "userinfo redirects", manners: upstreamtest.Manners{Sparse: true, Moved: "/userinfo", Elsewhere: "/jwks"}, reason: "the answer is 307"},
		{name: "token endpoint down", manners: upstreamtest.Manners{Down: "/token"}, reason: "answers 503", temporary: true},
		{name: "userinfo down", manners: upstreamtest.Manners{Sparse: true, Down: "/userinfo"}, reason: "the answer is 503", temporary: true},
		{name: "metadata down", manners: upstreamtest.Manners{Down: "/.well-known/openid-configuration"}, reason: "the answer is 503", temporary: true},
		{name: "token is no object", manners: upstreamtest.Manners{Garbled: "/token"}, reason: "something else than a token"},
		{name: "metadata is no object", manners: upstreamtest.Manners{Garbled: "/.well-known/openid-configuration"}, reason: "not what it should be"},
		{name: "endless token", manners: upstreamtest.Manners{Huge: "/token"}, reason: "something else than a token"},
		{name: "endless keys", manners: upstreamtest.Manners{Huge: "/jwks"}, reason: "not signed by the upstream"},
		{name: "endless userinfo", manners: upstreamtest.Manners{Sparse: true, Huge: "/userinfo"}, reason: "too large"},
		{name: "endless metadata", manners: upstreamtest.Manners{Huge: "/.well-known/openid-configuration"}, reason: "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
			r.server.Behave(tt.manners)
			j := r.journey()
			location, err := r.Leave(t.Context(), r.upstream, "a-state", j)
			var who *relying.Identity
			if err == nil {
				who, err = r.Arrive(t.Context(), r.upstream, j, relying.ReadAnswer(r.server.Visit(t, location).Query()))
			}
			if why := r.refused(err); !strings.Contains(err.Error(), tt.reason) || why.Temporary != tt.temporary {
				t.Errorf("Arrive = %+v, %v (temporary: %t), want an error about %q (temporary: %t)", who, err, why.Temporary, tt.reason, tt.temporary)
			}
		})
	}
}

// An upstream that does not answer costs a request at most Patience.
func TestSlowIssuerCostsAtMostPatience(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"} {
		t.Run(path, func(t *testing.T) {
			r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
			j := r.journey()
			answer := r.leave(j)
			r.server.Behave(upstreamtest.Manners{Sparse: true, Slow: path})
			again := relate(t, r.server, upstream.TypeOIDC) // with an empty cache
			again.Timeout = 300 * time.Millisecond
			_, err := again.Arrive(t.Context(), again.upstream, j, answer)
			if why := again.refused(err); !why.Temporary || !strings.Contains(why.Reason, "cannot be reached") {
				t.Errorf("Arrive = %v, want an upstream that cannot be reached", err)
			}
		})
	}
}

// An invalid answer of the browser causes no request to the upstream.
func TestInvalidAnswerCausesNoRequest(t *testing.T) {
	r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
	j := r.journey()
	good := r.leave(j)
	tests := []struct {
		name   string
		change func(*relying.Journey, *relying.Answer)
	}{
		{"another issuer's answer", func(_ *relying.Journey, a *relying.Answer) { a.Issuer = "https://accounts.example.com" }},
		{"no issuer", func(_ *relying.Journey, a *relying.Answer) { a.Issuer = "" }},
		{"no code", func(_ *relying.Journey, a *relying.Answer) { a.Code = "" }},
		{"code without end", func(_ *relying.Journey, a *relying.Answer) { a.Code = strings.Repeat("c", 4097) }},
		{"error beside the code", func(_ *relying.Journey, a *relying.Answer) { a.Error = "access_denied" }},
		{"journey to another upstream", func(j *relying.Journey, _ *relying.Answer) { j.Upstream = "home" }},
		{"issuer has changed since", func(j *relying.Journey, _ *relying.Answer) { j.Issuer = "https://accounts.example.com" }},
		{"client has changed since", func(j *relying.Journey, _ *relying.Answer) { j.ClientID = "another" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(r.server.Requests())
			other, answer := *j, good
			tt.change(&other, &answer)
			who, err := r.Arrive(t.Context(), r.upstream, &other, answer)
			r.refused(err)
			if made := r.server.Requests()[before:]; len(made) > 0 {
				t.Errorf("Arrive = %+v, %v after the requests %v, want none", who, err, made)
			}
		})
	}
	if _, err := r.Arrive(t.Context(), r.upstream, j, good); err != nil {
		t.Errorf("the good answer = %v, want it to be good still", err)
	}
}

// A code of another journey is refused. The upstream sees that the verifier does not belong
// to the code (RFC 7636). Where the upstream redeems any code, we see that the nonce does
// not match.
func TestSwappedCode(t *testing.T) {
	for name, tt := range map[string]struct {
		manners upstreamtest.Manners
		reason  string
	}{
		"PKCE":  {reason: "invalid_grant"},
		"nonce": {manners: upstreamtest.Manners{Careless: true}, reason: "another journey"},
	} {
		t.Run(name, func(t *testing.T) {
			r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
			r.server.Behave(tt.manners)
			victim, attacker := r.journey(), r.journey()
			attacker.Nonce, attacker.Verifier = "nonce of the attacker", "verifier-of-the-attacker-which-is-another-one-too"
			stolen := r.leave(victim)
			_, err := r.Arrive(t.Context(), r.upstream, attacker, stolen)
			if r.refused(err); !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("Arrive with the code of another journey = %v, want an error about %q", err, tt.reason)
			}
		})
	}
}

func TestCodeIsSentOnce(t *testing.T) {
	r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
	r.server.Behave(upstreamtest.Manners{TokenError: "invalid_client"})
	_, err := r.whole()
	r.refused(err)
	sent := 0
	for _, path := range r.server.Requests() {
		if path == "/token" {
			sent++
		}
	}
	if sent != 1 {
		t.Errorf("the code was sent %d times, want once", sent)
	}
}
