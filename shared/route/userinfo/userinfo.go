// Package userinfo serves /userinfo (OpenID Connect Core §5.3): a client asks for the
// claims about the user who allowed it, and learns as much as they agreed to.
//
// It is a resource like others: it takes an access token, which counts for as long as
// its session lives. The claims are read at the request. So a corrected name or a
// removed address shows everywhere at the next request.
package userinfo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Handler answers with the claims about a user (OpenID Connect Core §5.3).
type Handler struct {
	// Tokens judges access tokens; the audience of its Guard is this route.
	Tokens *bearer.Live
	People *identity.Store
}

// Claims are the members of the answer. A claim without a value is left out.
type Claims struct {
	Subject string `json:"sub"`
	// With the scope profile.
	Name              string `json:"name,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	// With the scope email.
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"`
}

// Serve answers 200 with Claims.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	if err := fromForm(r); err != nil {
		return err
	}
	ctx := r.Context()
	claims, err := h.Tokens.Guard.Require(ctx, r, oauth.ScopeOpenID)
	if err != nil {
		return err
	}
	user, err := h.person(ctx, claims)
	if errors.Is(err, token.ErrInvalid) {
		return &oauth.Error{Code: oauth.InvalidToken, Detail: "the access token is not valid any more", Err: err}
	}
	if err != nil {
		return err
	}
	note := httpapi.Note(ctx)
	note.Subject, note.Session, note.TokenID = claims.Subject, claims.SessionID, claims.ID
	httpapi.Answer(w, http.StatusOK, about(user, claims))
	return nil
}

// fromForm moves the access token from the form, if there is one, into the header (RFC
// 6750 §2.2). A token in the URL is not accepted: URLs end up in logs.
func fromForm(r *http.Request) error {
	presented := r.PostForm.Get("access_token")
	if presented == "" {
		return nil
	}
	if r.Header.Get("Authorization") != "" {
		return oauth.Refuse(oauth.InvalidRequest, "there is an access token in the header and one in the form")
	}
	r.Header.Set("Authorization", oauth.TokenTypeBearer+" "+presented)
	return nil
}

// person returns the user of a token if everything that the token depends on still
// exists. Otherwise the error wraps [token.ErrInvalid].
func (h *Handler) person(ctx context.Context, c *token.Claims) (*identity.User, error) {
	if c.SessionID == "" {
		// The id of a client could be the same as the subject of a user.
		return nil, errNobody
	}
	if err := h.Tokens.Check(ctx, c); err != nil {
		return nil, err
	}
	user, err := h.People.Get(ctx, c.Subject)
	if errors.Is(err, identity.ErrUnknown) || err == nil && user.Disabled {
		return nil, errGone
	}
	return user, err
}

// These are the reasons of this route to call a token invalid.
var (
	errNobody = fmt.Errorf("%w: it is no person's", token.ErrInvalid)
	errGone   = fmt.Errorf("%w: its subject is gone or disabled", token.ErrInvalid)
)

// about returns the claims that the scope of the token allows. The time of the last
// change of an item is not stored, so there is no updated_at.
func about(u *identity.User, c *token.Claims) Claims {
	scopes := strings.Fields(c.Scope)
	answer := Claims{Subject: u.Subject}
	if slices.Contains(scopes, oauth.ScopeProfile) {
		answer.Name, answer.PreferredUsername = u.Name, u.UserName
	}
	if slices.Contains(scopes, oauth.ScopeEmail) && u.Email != "" {
		answer.Email, answer.EmailVerified = u.Email, &u.EmailVerified
	}
	return answer
}

// Registered finds the clients that registered themselves, as far as this route needs.
// An operator cannot disable one, so its token is as good as its session.
func Registered(_ context.Context, id string) (*client.Client, error) {
	return &client.Client{ID: id, SelfRegistered: true}, nil
}

// Audience returns the audience of the tokens that this route accepts.
func Audience(issuer string) string { return issuer + contract.UserInfo.Path() }
