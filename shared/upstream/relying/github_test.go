package relying_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
)

func TestGitHub(t *testing.T) {
	for name, tt := range map[string]struct {
		account upstreamtest.Account
		scopes  []string
		want    relying.Identity
	}{
		"verified": {
			account: upstreamtest.Ada,
			want:    relying.Identity{Subject: "1815", UserName: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true},
		},
		"unverified": {
			account: upstreamtest.Account{Subject: "7", UserName: "ada", Email: "ada@example.com"},
			want:    relying.Identity{Subject: "7", UserName: "ada", Email: "ada@example.com"},
		},
		"not asked for": {
			account: upstreamtest.Ada, scopes: []string{"read:user"},
			want: relying.Identity{Subject: "1815", UserName: "ada", Name: "Ada Lovelace"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := relate(t, upstreamtest.GitHub(t), upstream.TypeGitHub)
			r.server.Become(tt.account)
			if tt.scopes != nil {
				r.upstream.Scopes = tt.scopes
			}
			who, err := r.whole()
			tt.want.Issuer = r.server.URL
			if err != nil || *who != tt.want {
				t.Errorf("Arrive = %+v, %v, want %+v", who, err, tt.want)
			}
			if asked := r.server.Asked(); asked.Get("code_challenge_method") != "S256" || asked.Has("nonce") {
				t.Errorf("GitHub was asked with %v, want a challenge and no nonce", asked)
			}
		})
	}
}

func TestHostileGitHub(t *testing.T) {
	const token, user, emails = "/login/oauth/access_token", "/api/v3/user", "/api/v3/user/emails"
	tests := []struct {
		name      string
		manners   upstreamtest.Manners
		reason    string
		temporary bool
	}{
		{name: "code is refused", manners: upstreamtest.Manners{TokenError: "bad_verification_code"}, reason: "answers 200: bad_verification_code"},
		{name: "mix-up", manners: upstreamtest.Manners{Answer: "https://accounts.example.com"}, reason: "another issuer's"},
		{name: "user denies", manners: upstreamtest.Manners{Error: "access_denied"}, reason: "access_denied"},
		{name: "no number", manners: upstreamtest.Manners{Claims: map[string]any{"id": 0}}, reason: "no number"},
		{name: "negative number", manners: upstreamtest.Manners{Claims: map[string]any{"id": -1815}}, reason: "no number"},
		{name: "number as a text", manners: upstreamtest.Manners{Claims: map[string]any{"id": "1815"}}, reason: "not what it should be"},
		{name: "token redirects", manners: upstreamtest.Manners{Moved: token, Elsewhere: "https://evil.example"}, reason: "answers 307"},
		{name: "user redirects", manners: upstreamtest.Manners{Moved: user, Elsewhere: emails}, reason: "the answer is 307"},
		{name: "user down", manners: upstreamtest.Manners{Down: user}, reason: "the answer is 503", temporary: true},
		{name: "endless user", manners: upstreamtest.Manners{Huge: user}, reason: "too large"},
		{name: "addresses garbled", manners: upstreamtest.Manners{Garbled: emails}, reason: "not what it should be"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := relate(t, upstreamtest.GitHub(t), upstream.TypeGitHub)
			r.server.Behave(tt.manners)
			who, err := r.whole()
			if why := r.refused(err); !strings.Contains(err.Error(), tt.reason) || why.Temporary != tt.temporary {
				t.Errorf("Arrive = %+v, %v (temporary: %t), want an error about %q (temporary: %t)", who, err, why.Temporary, tt.reason, tt.temporary)
			}
		})
	}
	t.Run("slow", func(t *testing.T) {
		r := relate(t, upstreamtest.GitHub(t), upstream.TypeGitHub)
		r.server.Behave(upstreamtest.Manners{Slow: user})
		r.Timeout = 300 * time.Millisecond
		if _, err := r.whole(); !r.refused(err).Temporary {
			t.Errorf("Arrive = %v, want a temporary error", err)
		}
	})
}

// Without PKCE a swapped code of GitHub would be accepted, because there is no nonce.
func TestSwappedCodeAtGitHub(t *testing.T) {
	r := relate(t, upstreamtest.GitHub(t), upstream.TypeGitHub)
	victim, attacker := r.journey(), r.journey()
	attacker.Verifier = "verifier-of-the-attacker-which-is-another-one-too"
	stolen := r.leave(victim)
	if _, err := r.Arrive(t.Context(), r.upstream, attacker, stolen); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("Arrive with the code of another journey = %v, want invalid_grant", err)
	}
}

// hosts records the requested hosts, and answers nothing.
type hosts struct{ asked []string }

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.asked = append(h.asked, r.URL.String())
	body := "{}"
	if strings.HasSuffix(r.URL.Path, "/access_token") {
		body = "access_token=t&token_type=bearer"
	}
	w := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Request: r}
	w.Body = readCloser{strings.NewReader(body)}
	return w, nil
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// The API is at a separate host where GitHub runs the server.
func TestGitHubHosts(t *testing.T) {
	for issuer, api := range map[string]string{
		"https://github.com":         "https://api.github.com/user",
		"https://acme.ghe.com":       "https://api.acme.ghe.com/user",
		"https://github.example.com": "https://github.example.com/api/v3/user",
		"https://evilghe.com":        "https://evilghe.com/api/v3/user",
	} {
		t.Run(issuer, func(t *testing.T) {
			r := relate(t, upstreamtest.GitHub(t), upstream.TypeGitHub)
			network := &hosts{}
			r.Transport, r.upstream.Issuer = network, issuer
			_, err := r.Arrive(t.Context(), r.upstream, r.journey(), relying.Answer{Code: "c", Issuer: issuer + "/login/oauth"})
			r.refused(err)
			want := issuer + "/login/oauth/access_token " + api
			if got := strings.Join(network.asked, " "); got != want {
				t.Errorf("asked %s, want %s", got, want)
			}
		})
	}
}
