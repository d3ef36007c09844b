package issue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

// order describes the tokens that are wanted under a grant.
type order struct {
	resources []string
	scope     string
	jkt       string
	nonce     string
}

// terms judges an order by the grant.
func (h *Issuer) terms(ctx context.Context, c *client.Client, g *session.Grant, o order) (*audience.Terms, string, error) {
	granted := audience.Granted{Resources: g.Audience, Scope: g.Scope}
	t, scope, err := h.Audience.Within(ctx, c, granted, o.resources, o.scope)
	if errors.Is(err, audience.ErrNothingLeft) {
		return nil, "", final(err, o.jkt)
	}
	return t, scope, err
}

// issue mints the access token of an order, and the ID token beside it. The access
// token never outlives the grant.
func (h *Issuer) issue(ctx context.Context, c *client.Client, g *session.Grant, o order) (*Issued, error) {
	t, scope, err := h.terms(ctx, c, g, o)
	if err != nil {
		return nil, err
	}
	access, err := h.Tokens.Mint(ctx, token.Request{
		Subject:   g.Subject,
		ClientID:  c.ID,
		Audience:  t.Audience,
		Scope:     scope,
		Algorithm: t.Algorithm,
		Lifetime:  min(t.Lifetime, g.Absolute.Sub(h.Now(ctx)).Truncate(time.Second)),
		SessionID: g.ID,
		AuthTime:  g.AuthTime,
		AMR:       g.AMR,
		JKT:       o.jkt,
	})
	if err != nil {
		return nil, err
	}
	httpapi.Note(ctx).TokenID = access.ID
	issued := &Issued{Grant: g, Access: access, Scope: scope, Bound: o.jkt != ""}
	if !identifies(c, g, o) {
		return issued, nil
	}
	issued.IDToken, err = h.Tokens.ID(ctx, token.IDRequest{
		Subject: g.Subject, ClientID: c.ID, Algorithm: c.IDTokenAlgorithm, Nonce: o.nonce,
		AuthTime: g.AuthTime, AMR: g.AMR, SessionID: g.ID, AccessToken: access.Value,
	})
	return issued, err
}

// identifies reports whether an ID token is to be made: the user has agreed to it, the
// client may still have one, and the request has not asked for less. It does not
// depend on the resource that the access token is for.
func identifies(c *client.Client, g *session.Grant, o order) bool {
	return has(g.Scope, oauth.ScopeOpenID) &&
		(o.scope == "" || has(o.scope, oauth.ScopeOpenID)) &&
		(c.SelfRegistered || slices.Contains(c.Identity, oauth.ScopeOpenID))
}

func has(scope, one string) bool {
	return strings.Contains(scope, one) && slices.Contains(strings.Fields(scope), one)
}

// lifeOf returns the lifetime of a registration, or the usual one if it has none.
func lifeOf(said, usual time.Duration) time.Duration {
	if said == 0 {
		return usual
	}
	return said
}

// final turns every error that makes a refresh token useless for ever into
// invalid_grant, and leaves temporary errors alone. A client that forgot to prove the
// key, jkt, keeps its token.
func final(err error, jkt string) error {
	_, reused := errors.AsType[*session.ReuseError](err)
	switch {
	case errors.Is(err, session.ErrKey) && jkt == "":
		return &oauth.Error{Code: oauth.InvalidDPoPProof, Detail: "the refresh token is bound to a key: send a DPoP proof", Err: err}
	case errors.Is(err, session.ErrKey):
		return &oauth.Error{Code: oauth.InvalidGrant, Detail: "the refresh token is bound to another key", Err: err}
	case reused || errors.Is(err, session.ErrForged) || errors.Is(err, session.ErrEnded) || errors.Is(err, audience.ErrNothingLeft):
		return &oauth.Error{Code: oauth.InvalidGrant, Detail: "the refresh token is not valid any more", Err: err}
	}
	return err
}
