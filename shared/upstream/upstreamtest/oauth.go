package upstreamtest

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// authorize answers every request of the client as a user who agrees at once.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	s.last = q
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Host == "" || q.Get("client_id") != s.ClientID || q.Get("response_type") != "code" {
		http.Error(w, "this is no request of a client", http.StatusBadRequest)
		return
	}
	to := url.Values{"state": {q.Get("state")}}
	if s.manners.Error != "" {
		to.Set("error", s.manners.Error)
	} else {
		name := rand.Text()
		s.codes[name] = code{
			account: s.account, client: q.Get("client_id"), redirect: q.Get("redirect_uri"), nonce: q.Get("nonce"), proof: q.Get("code_challenge"),
		}
		to.Set("code", name)
	}
	iss := s.URL
	if s.github {
		iss += "/login/oauth"
	}
	if iss = cmp.Or(s.manners.Answer, iss); iss != "-" {
		to.Set("iss", iss)
	}
	back.RawQuery = to.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// redeem is the token endpoint.
func (s *Server) redeem(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(status int, name string) {
		if s.github {
			status = http.StatusOK // as GitHub does
		}
		answer(w, status, map[string]any{"error": name, "error_description": "of " + s.Secret})
	}
	if s.manners.TokenError != "" {
		refuse(http.StatusBadRequest, s.manners.TokenError)
		return
	}
	name := r.PostFormValue("code")
	c, known := s.codes[name]
	delete(s.codes, name)
	if !s.manners.Careless {
		switch sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier"))); {
		case !s.authenticated(r):
			refuse(http.StatusUnauthorized, "invalid_client")
			return
		case !known || c.redirect != r.PostFormValue("redirect_uri") || base64.RawURLEncoding.EncodeToString(sum[:]) != c.proof:
			refuse(http.StatusBadRequest, "invalid_grant")
			return
		}
	}
	access := rand.Text()
	s.tokens[access] = c.account
	body := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 60}
	if !s.github {
		body["id_token"] = s.idToken(c)
		answer(w, http.StatusOK, body)
		return
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded") // as GitHub does unless it is asked
	_, _ = w.Write([]byte(url.Values{"access_token": {access}, "token_type": {"bearer"}}.Encode()))
}

// authenticated reports whether the client authentication is right, by either method. The
// client of a server without a Secret is public.
func (s *Server) authenticated(r *http.Request) bool {
	if id, secret, ok := r.BasicAuth(); ok {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		return id == s.ClientID && secret == s.Secret
	}
	return r.PostFormValue("client_id") == s.ClientID && r.PostFormValue("client_secret") == s.Secret
}

// bearer returns the owner of the access token in a request.
func (s *Server) bearer(w http.ResponseWriter, r *http.Request) (Account, bool) {
	a, ok := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		http.Error(w, "no such token", http.StatusUnauthorized)
	}
	return a, ok
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}
