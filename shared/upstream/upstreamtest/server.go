// Package upstreamtest gives tests an upstream issuer: one of OpenID Connect, or one that is
// like GitHub. It is a plain HTTP server on a loopback port. It works for a handler in the
// same process as well as for the real functions and a real browser.
//
// The server follows the protocol: it checks the client, the redirect URI and the challenge,
// and redeems a code once. It has one user at a time, who always agrees. [Manners] make it
// break the protocol, each as one attack or one fault.
package upstreamtest

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Account is the account that has a session at the upstream.
type Account struct {
	// Subject is a number for GitHub.
	Subject, UserName, Name, Email string
	EmailVerified                  bool
	// AuthTime is sent if it is not zero.
	AuthTime time.Time
}

// Ada is the account that a new server has.
var Ada = Account{Subject: "1815", UserName: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true}

// Manners are how a server breaks the protocol. The zero value breaks nothing.
type Manners struct {
	// Claims replace claims of the id token. A nil value removes the claim.
	Claims map[string]any
	// Algorithm signs the id token: ES256, RS256, PS256 or EdDSA, which are valid, and
	// "none" and HS256, which are not. Empty means ES256.
	Algorithm string
	// Foreign signs with a key that is not published.
	Foreign bool
	// Error is the error code that the authorization endpoint answers with, and
	// TokenError that of the token endpoint.
	Error, TokenError string
	// Answer replaces the parameter iss of an answer. "-" removes it.
	Answer string
	// Metadata replaces members of the metadata, like Claims.
	Metadata map[string]any
	// Slow, Huge and Moved name an endpoint, such as "/token": one that never answers,
	// one with an endless answer, and one that redirects to the address in the last
	// field. Down names one that answers 503, and Garbled one that sends no valid JSON.
	Slow, Huge, Moved, Down, Garbled, Elsewhere string
	// Careless redeems any code, whatever the client, the verifier and the redirect URI.
	Careless bool
	// Sparse puts only the subject into the id token, and the rest into userinfo.
	// UserInfoSubject replaces the subject there.
	Sparse          bool
	UserInfoSubject string
}

// Server is an issuer. ClientID and Secret are those of its only client.
type Server struct {
	// URL is the issuer, and for GitHub the address of the server.
	URL              string
	ClientID, Secret string
	// Now is the clock of its tokens. Nil means the system's.
	Now func() time.Time

	github bool
	server *httptest.Server

	mu       sync.Mutex
	account  Account
	manners  Manners
	codes    map[string]code
	tokens   map[string]Account
	requests []string
	keys     map[string]any
	last     url.Values
}

// code is the grant of a code.
type code struct {
	account                        Account
	client, redirect, nonce, proof string
}

// OIDC starts an issuer of OpenID Connect, which ends with the test.
func OIDC(t testing.TB) *Server {
	t.Helper()
	return until(t, Start(false))
}

// GitHub starts a server that is like a GitHub Enterprise Server, which ends with the
// test.
func GitHub(t testing.TB) *Server {
	t.Helper()
	return until(t, Start(true))
}

func until(t testing.TB, s *Server) *Server {
	t.Helper()
	t.Cleanup(s.Close)
	return s
}

// Start starts a server, like GitHub or of OpenID Connect. The caller closes it.
func Start(github bool) *Server {
	s := &Server{
		ClientID: "tipstaff", Secret: "a secret of an upstream " + rand.Text(), github: github, account: Ada,
		codes: map[string]code{}, tokens: map[string]Account{}, keys: map[string]any{},
	}
	mux := http.NewServeMux()
	routes := map[string]http.HandlerFunc{
		"GET /.well-known/openid-configuration": s.metadata,
		"GET /authorize":                        s.authorize,
		"POST /token":                           s.redeem,
		"GET /userinfo":                         s.userInfo,
		"GET /jwks":                             s.jwks,
	}
	if github {
		routes = map[string]http.HandlerFunc{
			"GET /login/oauth/authorize":     s.authorize,
			"POST /login/oauth/access_token": s.redeem,
			"GET /api/v3/user":               s.gitHubUser,
			"GET /api/v3/user/emails":        s.gitHubEmails,
		}
	}
	for pattern, handler := range routes {
		mux.HandleFunc(pattern, s.mannered(handler))
	}
	s.server = httptest.NewServer(mux)
	s.URL = s.server.URL
	return s
}

// Close ends the server.
func (s *Server) Close() { s.server.Close() }

// Become changes the account that has a session.
func (s *Server) Become(a Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account = a
}

// Behave changes how the server breaks the rules.
func (s *Server) Behave(m Manners) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manners = m
}

// Requests returns the requested paths, in order.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// Asked returns the parameters of the last authorization request.
func (s *Server) Asked() url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Visit sends the browser's request to location and returns the redirect of the answer.
func (s *Server) Visit(t testing.TB, location string) *url.URL {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, location, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(r) // which follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close() // nothing is read
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("the authorization endpoint of the upstream answers %d at %s", answer.StatusCode, location)
	}
	return back
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// mannered applies the manners to a request.
func (s *Server) mannered(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.URL.Path)
		m := s.manners
		s.mu.Unlock()
		switch r.URL.Path {
		case m.Slow:
			_, _ = io.Copy(io.Discard, r.Body) // only then the server sees the client go
			<-r.Context().Done()
		case m.Huge:
			w.Header().Set("Content-Type", "application/json")
			for blank := []byte(strings.Repeat(" ", 64<<10)); r.Context().Err() == nil; {
				if _, err := w.Write(blank); err != nil {
					return
				}
			}
		case m.Moved:
			http.Redirect(w, r, m.Elsewhere, http.StatusTemporaryRedirect)
		case m.Down:
			http.Error(w, "down for "+s.Secret, http.StatusServiceUnavailable)
		case m.Garbled:
			answer(w, http.StatusOK, "no object: "+s.Secret)
		default:
			next(w, r)
		}
	}
}
