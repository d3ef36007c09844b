package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// visitors is how many people let the client in. Each redemption makes a session,
// of which a person has 500 at most: so many that nobody's are evicted, which
// would be another thing to measure.
const visitors = 32

// codes are requests that redeem an authorization code for an access token, an
// id token and a refresh token. The codes come from people who have let the
// client in before: what /authorize costs is not in the figure, since another
// function serves it.
type codes struct {
	people *people
	app    oauth2.Config
	free   chan *person.Person
}

func newCodes(ctx context.Context, p *people) (*codes, error) {
	c := &codes{people: p, free: make(chan *person.Person, visitors), app: oauth2.Config{
		ClientID: fixture.Notes, ClientSecret: p.Secrets[fixture.Notes],
		RedirectURL: "https://notes.example/callback",
		Endpoint:    oauth2.Endpoint{AuthURL: p.BaseURL() + "/authorize", TokenURL: p.BaseURL() + "/token"},
		Scopes:      []string{"openid", "offline_access", fixture.OrdersScope},
	}}
	for i := range visitors {
		if i%16 == 0 {
			p.clock.pass(time.Minute) // the address is not throttled
		}
		name := fmt.Sprintf("visitor-%d", i)
		if err := p.AddUser(ctx, name, fixture.Password); err != nil {
			return nil, err
		}
		visitor := &person.Person{Issuer: p.BaseURL(), UserName: name, Password: fixture.Password}
		if _, err := c.code(ctx, visitor, oauth2.GenerateVerifier()); err != nil {
			return nil, err
		}
		c.free <- visitor
	}
	return c, nil
}

// code is a new code for a verifier.
func (c *codes) code(ctx context.Context, visitor *person.Person, verifier string) (string, error) {
	arrived, err := visitor.Visit(ctx, c.app.AuthCodeURL("", oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		return "", err
	}
	code := arrived.Form.Get("code")
	if code == "" {
		return "", fmt.Errorf("a visit of %s ended at %s with %v, want a code", visitor.UserName, arrived.URL, arrived.Form)
	}
	return code, nil
}

// request is the redemption of a new code.
func (c *codes) request(ctx context.Context) (*http.Request, error) {
	visitor, verifier := <-c.free, oauth2.GenerateVerifier()
	code, err := c.code(ctx, visitor, verifier)
	c.free <- visitor
	if err != nil {
		return nil, err
	}
	return post(c.app.Endpoint.TokenURL, c.app.ClientID, c.app.ClientSecret, url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {c.app.RedirectURL}, "code_verifier": {verifier},
	})(ctx)
}
