package relying

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// algorithms are the accepted signature algorithms of an id token. Algorithms with a shared
// secret and "none" are not among them.
var algorithms = []string{oidc.ES256, oidc.RS256, oidc.PS256, oidc.EdDSA}

const (
	// discovery is the path of the metadata below the issuer.
	discovery = "/.well-known/openid-configuration"
	// providerLife is how long the metadata and the keys of an issuer are cached. An
	// unknown key is looked up at once. A withdrawn key is accepted for this long at most.
	providerLife = time.Hour
	// skew is how far the clock of an issuer may be ahead of ours.
	skew = 5 * time.Minute

	maxIDToken = 64 << 10
	maxSubject = 255 // OpenID Connect Core §2
)

// provider holds the endpoints and keys of an issuer.
type provider struct {
	endpoint oauth2.Endpoint
	userInfo string // may be empty
	keys     oidc.KeySet
	// answersWithIssuer reports that every answer names the issuer (RFC 9207 §3).
	answersWithIssuer bool
	read              time.Time
}

// metadata is the part of a discovery document that we need (OpenID Connect Discovery §3).
type metadata struct {
	Issuer            string   `json:"issuer"`
	Authorization     string   `json:"authorization_endpoint"`
	Token             string   `json:"token_endpoint"`
	UserInfo          string   `json:"userinfo_endpoint"`
	Keys              string   `json:"jwks_uri"`
	AuthMethods       []string `json:"token_endpoint_auth_methods_supported"`
	AnswersWithIssuer bool     `json:"authorization_response_iss_parameter_supported"`
}

// provider returns the provider of an issuer, fetched or cached.
func (party *Party) provider(ctx context.Context, issuer string) (*provider, error) {
	now := party.Now(ctx)
	party.mu.Lock()
	held := party.known[issuer]
	party.mu.Unlock()
	if held != nil {
		if age := now.Sub(held.read); age >= 0 && age < providerLife {
			return held, nil
		}
	}
	var m metadata
	if err := party.get(ctx, "the metadata", strings.TrimSuffix(issuer, "/")+discovery, "", &m); err != nil {
		return nil, err
	}
	p, err := party.judge(issuer, m)
	if err != nil {
		return nil, err
	}
	p.read = now
	party.mu.Lock()
	defer party.mu.Unlock()
	if party.known == nil {
		party.known = map[string]*provider{}
	}
	party.known[issuer] = p
	return p, nil
}

// judge returns the provider for a metadata document, if the document is of the issuer.
func (party *Party) judge(issuer string, m metadata) (*provider, error) {
	if m.Issuer != issuer {
		return nil, distrust("the metadata is another issuer's")
	}
	for _, address := range []string{m.Authorization, m.Token, m.Keys} {
		if !endpoint(issuer, address) {
			return nil, distrust("the metadata lacks an endpoint, or names one that is not https")
		}
	}
	if m.UserInfo != "" && !endpoint(issuer, m.UserInfo) {
		return nil, distrust("the metadata names an endpoint that is not https")
	}
	style := oauth2.AuthStyleInHeader // what no method means (OpenID Connect Discovery §3)
	if len(m.AuthMethods) > 0 && !slices.Contains(m.AuthMethods, oauth.ClientSecretBasic) {
		style = oauth2.AuthStyleInParams
	}
	return &provider{
		endpoint: oauth2.Endpoint{AuthURL: m.Authorization, TokenURL: m.Token, AuthStyle: style},
		userInfo: m.UserInfo, answersWithIssuer: m.AnswersWithIssuer,
		keys: oidc.NewRemoteKeySet(party.context(context.Background()), m.Keys),
	}, nil
}

// endpoint reports whether an address is allowed for an endpoint of an issuer: https, or http
// on this machine if the issuer has it, too.
func endpoint(issuer, address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.Contains(address, "#") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && upstream.Loopback(u.Hostname()) && strings.HasPrefix(issuer, "http://")
}

// claims are the claims about the user in an id token or a userinfo answer.
type claims struct {
	Subject           string  `json:"sub"`
	Name              string  `json:"name"`
	PreferredUserName string  `json:"preferred_username"`
	Email             string  `json:"email"`
	EmailVerified     truth   `json:"email_verified"`
	HostedDomain      string  `json:"hd"` // Google: the domain of an organization's account
	AuthorizedParty   string  `json:"azp"`
	AuthTime          float64 `json:"auth_time"`
}

// truth is a boolean. Some issuers send it as a string.
type truth bool

// UnmarshalJSON reads every value that is not true as false.
func (t *truth) UnmarshalJSON(data []byte) error {
	*t = string(data) == `true` || string(data) == `"true"`
	return nil
}

// verified verifies an id token and returns its subject (OpenID Connect Core §3.1.3.7).
func (party *Party) verified(ctx context.Context, u *upstream.Upstream, p *provider, j *Journey, token *oauth2.Token) (*Identity, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" || len(raw) > maxIDToken {
		return nil, distrust("there is no id token")
	}
	// The issuer of the upstream, and not the other spelling that Google uses.
	keys := &noted{KeySet: p.keys}
	verifier := oidc.NewVerifier(u.Issuer, keys, &oidc.Config{ClientID: u.ClientID, SupportedSigningAlgs: algorithms, Now: func() time.Time { return party.Now(ctx) }})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		if failure := unreachable(keys.err); failure != nil {
			return nil, failure
		}
		return nil, distrust(flaw(err))
	}
	var said claims
	if err := id.Claims(&said); err != nil {
		return nil, distrust("the claims of the id token are malformed")
	}
	now := party.Now(ctx)
	switch {
	case len(id.Audience) != 1:
		return nil, distrust("the id token has other audiences, too")
	case said.AuthorizedParty != "" && said.AuthorizedParty != u.ClientID:
		return nil, distrust("the id token was given to another client")
	case !same(id.Nonce, j.Nonce):
		return nil, distrust("the id token belongs to another journey")
	case id.IssuedAt.Unix() <= 0 || id.IssuedAt.After(now.Add(skew)):
		return nil, distrust("the id token is not of this time")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil:
		return nil, distrust("the access token is not that of the id token")
	case id.Subject == "" || len(id.Subject) > maxSubject:
		return nil, distrust("the id token has no valid subject")
	}
	if said.Email == "" && p.userInfo != "" && slices.Contains(u.Scopes, oauth.ScopeEmail) {
		if err := party.complete(ctx, p, token, &said); err != nil {
			return nil, err
		}
	}
	return said.identity(u, now), nil
}

// complete reads the claims that the id token lacks from the userinfo endpoint (OpenID
// Connect Core §5.3).
func (party *Party) complete(ctx context.Context, p *provider, token *oauth2.Token, said *claims) error {
	var more claims
	if err := party.get(ctx, "the userinfo", p.userInfo, token.AccessToken, &more); err != nil {
		return err
	}
	if more.Subject != said.Subject {
		return distrust("the userinfo is about another account")
	}
	more.AuthTime = said.AuthTime
	*said = more
	return nil
}

// identity returns the identity in the claims.
func (s *claims) identity(u *upstream.Upstream, now time.Time) *Identity {
	i := &Identity{
		Issuer: u.Issuer, Subject: s.Subject, UserName: line(s.PreferredUserName), Name: line(s.Name),
		Email: address(s.Email), EmailVerified: bool(s.EmailVerified),
	}
	// Google verifies an address outside its own domain only once, and the address may
	// have another owner since. The claim "hd" marks accounts of an organization that has
	// proved its domain.
	if u.Type == upstream.TypeGoogle && s.HostedDomain == "" && !strings.HasSuffix(strings.ToLower(i.Email), "@gmail.com") {
		i.EmailVerified = false
	}
	i.EmailVerified = i.EmailVerified && i.Email != ""
	if s.AuthTime > 0 && s.AuthTime < float64(now.Unix()) {
		i.AuthTime = time.Unix(int64(s.AuthTime), 0).UTC()
	}
	return i
}

// noted is a key set that records the error of a failed verification.
type noted struct {
	oidc.KeySet
	err error
}

// VerifySignature calls the key set.
func (n *noted) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := n.KeySet.VerifySignature(ctx, jwt)
	n.err = err
	return payload, err
}

// flaw describes the error in an id token. The texts of the library quote the token.
func flaw(err error) string {
	if _, expired := errors.AsType[*oidc.TokenExpiredError](err); expired {
		return "the id token has expired"
	}
	for quote, reason := range map[string]string{
		"issued by a different provider": "the id token is another issuer's",
		"expected audience":              "the id token is for another client",
		"failed to verify signature":     "the id token is not signed by the upstream",
		"malformed jwt":                  "the id token is malformed, or signed in a way that we do not take",
		"before the nbf":                 "the id token is not good yet",
	} {
		if strings.Contains(err.Error(), quote) {
			return reason
		}
	}
	return "the id token cannot be verified"
}
