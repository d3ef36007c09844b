package clientauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/replay"
	"github.com/tipstaff/tipstaff/shared/token"
)

// AssertionType is the client_assertion_type of a JWT (RFC 7523 §2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	// MaxAssertion is how far in the future an assertion may expire.
	MaxAssertion = 5 * time.Minute
	// skew is the accepted error of a client's clock.
	skew = 30 * time.Second
	// memory is how much longer an assertion is remembered than it could be accepted,
	// in case two of our clocks differ.
	memory = time.Minute
	// maxID bounds the jti of an assertion.
	maxID = 256
)

// assertionTypes are the values of typ that an assertion may have. Other JWTs have
// other types, so nothing that the client signed for another purpose is an assertion.
var assertionTypes = []string{"", "jwt", "client-authentication+jwt"}

// assertion is a parsed client assertion.
type assertion struct {
	jws    *token.JWS
	id     string // of the client, as it says
	jti    string
	expiry time.Time
}

// assert returns the client that signed the assertion.
//
// It first judges the claims, which decide nothing but which client's keys to use.
// Then the client's registration decides the algorithm, and one of its keys must have
// signed. Only an assertion that is good in every way is used up, by its jti.
func (g *Guard) assert(ctx context.Context, given Credentials) (*client.Client, error) {
	a, err := readAssertion(given.Assertion, g.Issuer, g.Clients.Now(ctx))
	if err != nil {
		return nil, refused(err)
	}
	if given.ID != "" && given.ID != a.id {
		return nil, refused(errors.New("client_id differs from the assertion"))
	}
	given.ID = a.id
	c, err := g.Clients.Prove(ctx, a.id, a.signedBy)
	if err == nil {
		err = g.Replay.Once(ctx, replay.Assertion, a.id+"\x00"+a.jti, a.expiry.Add(skew+memory))
	}
	if errors.Is(err, client.ErrUnknown) || errors.Is(err, client.ErrDisabled) ||
		errors.Is(err, token.ErrInvalid) || errors.Is(err, replay.ErrSeen) {
		g.record(ctx, given, err)
		return nil, refused(err)
	}
	if err != nil {
		return nil, err
	}
	return admit(ctx, c, given)
}

// readAssertion judges the claims of an assertion. Its audience is this issuer alone,
// and never one of our endpoints, which another server could have as well. It is valid
// for a few minutes, and names one client that can exist. Otherwise the error wraps
// [token.ErrInvalid].
func readAssertion(text, issuer string, now time.Time) (*assertion, error) {
	jws, err := token.Parse(text)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(assertionTypes, strings.ToLower(jws.Type)) {
		return nil, invalid("typ is not that of an assertion")
	}
	var c struct {
		Issuer    string         `json:"iss"`
		Subject   string         `json:"sub"`
		Audience  token.Audience `json:"aud"`
		ID        string         `json:"jti"`
		Expires   *token.Seconds `json:"exp"`
		NotBefore token.Seconds  `json:"nbf"`
		IssuedAt  token.Seconds  `json:"iat"`
	}
	if err := jws.Claims(&c); err != nil {
		return nil, err
	}
	switch {
	case !client.ValidID(c.Subject) || c.Issuer != c.Subject:
		return nil, invalid("iss and sub are not the id of one client")
	case len(c.Audience) != 1 || c.Audience[0] != issuer:
		return nil, invalid("aud is not the issuer, or not alone")
	case c.ID == "" || len(c.ID) > maxID:
		return nil, invalid("jti is missing or too long")
	case c.Expires == nil || !c.Expires.Time().Add(skew).After(now):
		return nil, invalid("it has expired or has no exp")
	case c.Expires.Time().After(now.Add(MaxAssertion + skew)):
		return nil, invalid("exp is too far ahead")
	case c.NotBefore.Time().After(now.Add(skew)) || c.IssuedAt.Time().After(now.Add(skew)):
		return nil, invalid("nbf or iat is in the future")
	}
	return &assertion{jws: jws, id: c.Subject, jti: c.ID, expiry: c.Expires.Time()}, nil
}

// signedBy returns nil if one of c's keys signed the assertion. Otherwise the error
// wraps [token.ErrInvalid].
func (a *assertion) signedBy(c *client.Client) error {
	if !slices.Contains(c.AuthMethods, oauth.PrivateKeyJWT) {
		return invalid("the client does not use " + oauth.PrivateKeyJWT)
	}
	var set jose.JSONWebKeySet
	if len(c.KeySet) == 0 {
		return invalid("the client has no keys")
	}
	if err := json.Unmarshal(c.KeySet, &set); err != nil {
		return fmt.Errorf("the key set of client %s is damaged: %w", c.ID, err)
	}
	candidates := set.Keys
	// A client with one key need not name it.
	if a.jws.KeyID != "" || len(candidates) != 1 {
		candidates = set.Key(a.jws.KeyID)
	}
	alg := cmp.Or(c.AssertionAlgorithm, oauth.ES256)
	for _, k := range candidates {
		if err := a.jws.Verify(keys.Verifying{Algorithm: alg, Key: k.Key}); err == nil {
			return nil
		}
	}
	return invalid("none of the client's keys signed it by " + alg)
}

func invalid(why string) error { return fmt.Errorf("%w: %s", token.ErrInvalid, why) }
