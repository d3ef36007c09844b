package upstreamtest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// metadata is the discovery document.
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, over(map[string]any{
		"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
		"userinfo_endpoint": s.URL + "/userinfo", "jwks_uri": s.URL + "/jwks",
		"authorization_response_iss_parameter_supported": true,
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		// A client must not trust this list.
		"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
	}, s.manners.Metadata))
}

// over returns truth with the given changes.
func over(truth, changes map[string]any) map[string]any {
	maps.Copy(truth, changes)
	maps.DeleteFunc(truth, func(_ string, v any) bool { return v == nil })
	return truth
}

// jwks publishes every honest key.
func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var set jose.JSONWebKeySet
	for algorithm, key := range s.keys {
		private := jose.JSONWebKey{Key: key, KeyID: algorithm, Algorithm: algorithm, Use: "sig"}
		set.Keys = append(set.Keys, private.Public())
	}
	answer(w, http.StatusOK, set)
}

// about returns the claims about an account.
func about(a Account) map[string]any {
	said := map[string]any{"sub": a.Subject, "email_verified": a.EmailVerified}
	for name, value := range map[string]string{"preferred_username": a.UserName, "name": a.Name, "email": a.Email} {
		if value != "" {
			said[name] = value
		}
	}
	return said
}

// tokenLife is the lifetime of an id token.
const tokenLife = 5 * time.Minute

func (s *Server) idToken(c code) string {
	now := s.now()
	said := about(c.account)
	if s.manners.Sparse {
		said = map[string]any{"sub": c.account.Subject}
	}
	maps.Copy(said, map[string]any{
		"iss": s.URL, "aud": s.ClientID, "iat": now.Unix(), "exp": now.Add(tokenLife).Unix(),
	})
	if c.nonce != "" {
		said["nonce"] = c.nonce
	}
	if at := c.account.AuthTime; !at.IsZero() {
		said["auth_time"] = at.Unix()
	}
	payload, _ := json.Marshal(over(said, s.manners.Claims)) // texts and numbers always marshal
	return s.sign(payload)
}

// key is the private key of an algorithm, made at its first use.
func (s *Server) key(algorithm string) any {
	if k, ok := s.keys[algorithm]; ok {
		return k
	}
	var k any
	switch algorithm {
	case "RS256", "PS256":
		const bits = 2048
		k, _ = rsa.GenerateKey(rand.Reader, bits)
	case "EdDSA":
		_, k, _ = ed25519.GenerateKey(rand.Reader)
	default:
		k, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	s.keys[algorithm] = k
	return k
}

// sign makes a JWT as the manners require.
func (s *Server) sign(payload []byte) string {
	algorithm := s.manners.Algorithm
	switch algorithm {
	case "":
		algorithm = "ES256"
	case "none":
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."
	}
	// For HS256 the shared secret, which verifies at a client that takes the algorithm
	// from the header.
	var key any = []byte(s.Secret)
	if algorithm != "HS256" {
		key = s.key(algorithm)
	}
	if s.manners.Foreign {
		key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // never fails for this curve
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", algorithm)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: key}, options)
	if err != nil {
		panic("upstreamtest: " + err.Error()) // a test asks for an algorithm that is none
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic("upstreamtest: " + err.Error())
	}
	text, _ := signed.CompactSerialize() // it has one signature and an attached payload
	return text
}

func (s *Server) userInfo(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.bearer(w, r)
	if !ok {
		return
	}
	if s.manners.UserInfoSubject != "" {
		a.Subject = s.manners.UserInfoSubject
	}
	answer(w, http.StatusOK, about(a))
}

func (s *Server) gitHubUser(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.bearer(w, r)
	if !ok {
		return
	}
	id, _ := strconv.ParseInt(a.Subject, 10, 64) // 0 for a subject that is no number
	// The address in the public profile is not a verified one.
	answer(w, http.StatusOK, over(map[string]any{
		"id": id, "login": a.UserName, "name": a.Name, "email": "anybody@example.com",
	}, s.manners.Claims))
}

func (s *Server) gitHubEmails(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.bearer(w, r)
	if !ok {
		return
	}
	answer(w, http.StatusOK, []map[string]any{
		{"email": "other@example.org", "primary": false, "verified": true},
		{"email": a.Email, "primary": true, "verified": a.EmailVerified},
	})
}
