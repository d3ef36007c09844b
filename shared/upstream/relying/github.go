package relying

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	"github.com/tipstaff/tipstaff/shared/upstream"
)

// gitHubOAuth is the path of GitHub's OAuth endpoints, and the end of the issuer in its
// answers.
const gitHubOAuth = "/login/oauth"

// The scopes that give access to the mail address at GitHub. The first one is wider.
const (
	scopeUser  = "user"
	scopeEmail = "user:email"
)

// gitHubEndpoint returns the endpoints of a GitHub server. It has no metadata.
func gitHubEndpoint(u *upstream.Upstream) oauth2.Endpoint {
	return oauth2.Endpoint{
		AuthURL: u.Issuer + gitHubOAuth + "/authorize", TokenURL: u.Issuer + gitHubOAuth + "/access_token",
		AuthStyle: oauth2.AuthStyleInParams,
	}
}

// gitHubAPI returns the base URL of a server's API: at a separate host where GitHub runs the
// server, and under a path at an Enterprise Server.
func gitHubAPI(issuer string) string {
	u, err := url.Parse(issuer)
	if err == nil && (issuer == upstream.GitHubIssuer || strings.HasSuffix(u.Host, ".ghe.com")) {
		return u.Scheme + "://api." + u.Host
	}
	return issuer + "/api/v3"
}

// gitHubUser returns the owner of an access token. Only the number of a GitHub account is
// permanent: a login name can be released and taken by another account the next day.
func (party *Party) gitHubUser(ctx context.Context, u *upstream.Upstream, token *oauth2.Token) (*Identity, error) {
	var user struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Name  string `json:"name"`
	}
	api := gitHubAPI(u.Issuer)
	if err := party.get(ctx, "the user", api+"/user", token.AccessToken, &user); err != nil {
		return nil, err
	}
	if user.ID <= 0 {
		return nil, distrust("the user has no number")
	}
	i := &Identity{Issuer: u.Issuer, Subject: strconv.FormatInt(user.ID, 10), UserName: line(user.Login), Name: line(user.Name)}
	if !slices.Contains(u.Scopes, scopeUser) && !slices.Contains(u.Scopes, scopeEmail) {
		return i, nil
	}
	var addresses []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	if err := party.get(ctx, "the mail addresses", api+"/user/emails", token.AccessToken, &addresses); err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if a.Primary {
			i.Email = address(a.Email)
			i.EmailVerified = a.Verified && i.Email != ""
		}
	}
	return i, nil
}
