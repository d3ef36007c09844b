package relying_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
)

// here is our own issuer.
const here = "https://auth.example.com"

// relation is our side at an upstream, with the server of the upstream.
type relation struct {
	*relying.Party
	t        *testing.T
	server   *upstreamtest.Server
	upstream *upstream.Upstream
	now      time.Time
}

func relate(t *testing.T, server *upstreamtest.Server, kind string) *relation {
	t.Helper()
	r := &relation{t: t, server: server, now: time.Now().Truncate(time.Second)}
	server.Now = func() time.Time { return r.now }
	r.upstream = &upstream.Upstream{
		ID: "work", Name: "Work", Type: kind, Issuer: server.URL, ClientID: server.ClientID, Scopes: upstream.DefaultScopes(kind), Revision: 1,
	}
	r.Party = &relying.Party{
		Issuer: here, Now: func(context.Context) time.Time { return r.now },
		Secret: func(context.Context, string) (string, error) { return server.Secret, nil },
	}
	return r
}

// journey returns a journey that has begun.
func (r *relation) journey() *relying.Journey {
	return &relying.Journey{
		Upstream: r.upstream.ID, Issuer: r.upstream.Issuer, ClientID: r.upstream.ClientID,
		Nonce: "nonce of " + r.t.Name(), Verifier: "verifier-of-a-test-that-is-long-enough-to-be-one",
	}
}

// leave follows the redirect and returns the answer of the upstream.
func (r *relation) leave(j *relying.Journey) relying.Answer {
	r.t.Helper()
	location, err := r.Leave(r.t.Context(), r.upstream, "a-state", j)
	if err != nil {
		r.t.Fatal(err)
	}
	return relying.ReadAnswer(r.server.Visit(r.t, location).Query())
}

// whole makes a complete sign-in.
func (r *relation) whole() (*relying.Identity, error) {
	r.t.Helper()
	j := r.journey()
	return r.Arrive(r.t.Context(), r.upstream, j, r.leave(j))
}

// refused returns the Error, and fails the test when there is none. No error may hold our
// secret or an answer of the upstream.
func (r *relation) refused(err error) *relying.Error {
	r.t.Helper()
	why, ok := errors.AsType[*relying.Error](err)
	if !ok {
		r.t.Fatalf("Arrive = %v, want an relying.Error", err)
	}
	if strings.Contains(err.Error(), r.server.Secret) || len(err.Error()) > 300 {
		r.t.Errorf("the error holds what belongs into none: %v", err)
	}
	return why
}

func TestOIDC(t *testing.T) {
	r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
	who, err := r.whole()
	if err != nil {
		t.Fatal(err)
	}
	want := relying.Identity{
		Issuer: r.server.URL, Subject: "1815", UserName: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true,
	}
	if *who != want {
		t.Errorf("Arrive = %+v, want %+v", *who, want)
	}
	asked := r.server.Asked()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": r.server.ClientID, "redirect_uri": here + "/upstream/work/callback", "state": "a-state",
		"scope": "openid email profile", "code_challenge_method": "S256", "nonce": r.journey().Nonce, "prompt": "",
	} {
		if got := asked.Get(name); got != want {
			t.Errorf("the upstream was asked with %s = %q, want %q", name, got, want)
		}
	}
	if asked.Get("code_challenge") == "" || strings.Contains(asked.Encode(), r.journey().Verifier) {
		t.Errorf("the upstream was asked with %v, want a challenge and no verifier", asked)
	}
	if _, err := r.whole(); err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, path := range r.server.Requests() {
		if path == "/.well-known/openid-configuration" || path == "/jwks" {
			read++
		}
	}
	if read != 2 {
		t.Errorf("two sign-ins made the requests %v, want the metadata and the keys once", r.server.Requests())
	}
}

func TestSigningAlgorithms(t *testing.T) {
	for _, algorithm := range []string{"ES256", "RS256", "PS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
			r.server.Behave(upstreamtest.Manners{Algorithm: algorithm})
			if who, err := r.whole(); err != nil || who.Subject != upstreamtest.Ada.Subject {
				t.Errorf("Arrive = %+v, %v, want Ada", who, err)
			}
		})
	}
}

// The upstream chooses the client authentication method. A client without a secret relies on
// PKCE alone.
func TestClientAuthentication(t *testing.T) {
	for name, methods := range map[string]any{
		"basic": []string{"client_secret_basic"}, "post": []string{"client_secret_post"}, "default": nil,
	} {
		t.Run(name, func(t *testing.T) {
			r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
			r.server.Behave(upstreamtest.Manners{Metadata: map[string]any{"token_endpoint_auth_methods_supported": methods}})
			if _, err := r.whole(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("public", func(t *testing.T) {
		server := upstreamtest.OIDC(t)
		r := relate(t, server, upstream.TypeOIDC)
		r.Secret = func(context.Context, string) (string, error) { return "", nil }
		if _, err := r.whole(); err == nil || !strings.Contains(err.Error(), "answers 401: invalid_client") {
			t.Errorf("without the secret that there is = %v, want invalid_client", err)
		}
		server.Secret = ""
		j := r.journey()
		who, err := r.Arrive(t.Context(), r.upstream, j, r.leave(j))
		if err != nil || who.Subject != upstreamtest.Ada.Subject {
			t.Errorf("Arrive as a public client = %+v, %v, want Ada", who, err)
		}
	})
	t.Run("unreadable", func(t *testing.T) {
		r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
		broken := errors.New("secrets manager is down")
		r.Secret = func(context.Context, string) (string, error) { return "", broken }
		if _, err := r.whole(); !errors.Is(err, broken) {
			t.Errorf("Arrive = %v, want %v", err, broken)
		}
	})
}

// Claims that the id token lacks are read from userinfo. An unverified address stays
// unverified.
func TestIdentity(t *testing.T) {
	for name, tt := range map[string]struct {
		account upstreamtest.Account
		manners upstreamtest.Manners
		want    relying.Identity
	}{
		"userinfo": {
			account: upstreamtest.Ada, manners: upstreamtest.Manners{Sparse: true},
			want: relying.Identity{Subject: "1815", UserName: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true},
		},
		"unverified mail": {
			account: upstreamtest.Account{Subject: "1", Email: "ada@example.com"},
			want:    relying.Identity{Subject: "1", Email: "ada@example.com"},
		},
		"verified as a text": {
			account: upstreamtest.Ada, manners: upstreamtest.Manners{Claims: map[string]any{"email_verified": "true"}},
			want: relying.Identity{Subject: "1815", UserName: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true},
		},
		"verified as a number": {
			account: upstreamtest.Ada, manners: upstreamtest.Manners{Claims: map[string]any{"email_verified": 1}},
			want: relying.Identity{Subject: "1815", UserName: "ada", Name: "Ada Lovelace", Email: "ada@example.com"},
		},
		"verified nothing": {
			account: upstreamtest.Account{Subject: "1", EmailVerified: true},
			want:    relying.Identity{Subject: "1"},
		},
		"address with a name": {
			account: upstreamtest.Account{Subject: "1", Email: "Ada <ada@example.com>", EmailVerified: true},
			want:    relying.Identity{Subject: "1"},
		},
		"address with a look-alike": {
			account: upstreamtest.Account{Subject: "1", Email: "ada@ban\u212a.example", EmailVerified: true}, // a Kelvin sign
			want:    relying.Identity{Subject: "1"},
		},
		"two lines and an escape": {
			account: upstreamtest.Account{Subject: "1", Name: "Ada\n\x1b[2JLovelace\u202e "},
			want:    relying.Identity{Subject: "1", Name: "Ada[2JLovelace"},
		},
		"time of the proof": {
			account: upstreamtest.Account{Subject: "1", AuthTime: time.Unix(1_800_000, 0).UTC()},
			want:    relying.Identity{Subject: "1", AuthTime: time.Unix(1_800_000, 0).UTC()},
		},
		"proof that is yet to come": {
			account: upstreamtest.Account{Subject: "1", AuthTime: time.Now().Add(time.Hour)},
			want:    relying.Identity{Subject: "1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := relate(t, upstreamtest.OIDC(t), upstream.TypeOIDC)
			r.server.Become(tt.account)
			r.server.Behave(tt.manners)
			who, err := r.whole()
			tt.want.Issuer = r.server.URL
			if err != nil || *who != tt.want {
				t.Errorf("Arrive = %+v, %v, want %+v", who, err, tt.want)
			}
		})
	}
}

// A user who has a session at the upstream must authenticate again, as far as the upstream
// supports it.
func TestPromptRequiresANewAuthentication(t *testing.T) {
	tests := []struct {
		name, kind string
		change     func(*relying.Journey)
		want       string
	}{
		{"sign-in", upstream.TypeOIDC, func(*relying.Journey) {}, ""},
		{"again", upstream.TypeOIDC, func(j *relying.Journey) { j.Again = true }, "login"},
		{"sign-in at GitHub", upstream.TypeGitHub, func(*relying.Journey) {}, ""},
		{"again at GitHub", upstream.TypeGitHub, func(j *relying.Journey) { j.Again = true }, "select_account"},
		{"link at GitHub", upstream.TypeGitHub, func(j *relying.Journey) { j.Login = "01" }, "select_account"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := upstreamtest.OIDC
			if tt.kind == upstream.TypeGitHub {
				server = upstreamtest.GitHub
			}
			r := relate(t, server(t), tt.kind)
			j := r.journey()
			tt.change(j)
			r.leave(j)
			if got := r.server.Asked().Get("prompt"); got != tt.want {
				t.Errorf("prompt = %q, want %q", got, tt.want)
			}
		})
	}
}
