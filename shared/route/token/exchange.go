package token

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// These are the token types that can be exchanged (RFC 8693 §3). An access token of
// ours is a JWT, so either name is right.
const (
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // G101: the name of a type
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
)

// maxActors is the longest chain of actors, each of which acts on behalf of the next.
const maxActors = 3

// exchange turns an access token of ours into another one, with which the client acts
// for the subject (RFC 8693). The result is never good for more, nor for longer, than
// the subject token, and ends with the same session.
//
// Only the operator's own clients may do so. Otherwise one client would ask the user,
// and another one would act for them, which the user must agree to first (Keycloak
// CVE-2026-79652). And the client must be a party to the token: the client that it was
// issued to, or one of the resource servers that it is for. So a token that another
// client found is worth nothing here.
func (h *Handler) exchange(w http.ResponseWriter, r *http.Request, c *client.Client) error {
	if !c.MayUse(oauth.GrantTokenExchange) || !c.FirstParty {
		return oauth.Refuse(oauth.UnauthorizedClient, "the client may not use this grant_type")
	}
	form := r.PostForm
	issued, err := issuedType(form.Get("requested_token_type"))
	if err != nil {
		return err
	}
	presented, presentedActor, err := exchanged(r)
	if err != nil {
		return err
	}
	subject, err := h.subject(r, c, presented)
	if err != nil {
		return err
	}
	act, err := h.actor(r, c, subject, presentedActor)
	if err != nil {
		return err
	}
	requested := slices.Concat(form["audience"], form["resource"])
	terms, scope, err := h.Issue.Audience.Exchange(r.Context(), c, subject.Audience, subject.Scope, requested, form.Get("scope"))
	if err != nil {
		return err
	}
	jkt, err := h.prove(r, c, subject)
	if err != nil {
		return err
	}
	left := time.Unix(subject.Expires, 0).Sub(h.Issue.Now(r.Context())).Truncate(time.Second)
	minted, err := h.Issue.Tokens.Mint(r.Context(), token.Request{
		Subject: subject.Subject, ClientID: c.ID, Audience: terms.Audience, Scope: scope,
		Algorithm: terms.Algorithm, Lifetime: min(terms.Lifetime, left),
		SessionID: subject.SessionID, AuthTime: time.Unix(subject.AuthTime, 0), AMR: subject.AMR,
		JKT: jkt, Act: act,
	})
	if err != nil {
		return err
	}
	note := httpapi.Note(r.Context())
	note.TokenID, note.Subject, note.Session = minted.ID, subject.Subject, subject.SessionID
	answer := oauth.TokenResponse{
		AccessToken: minted.Value, TokenType: oauth.TokenTypeBearer, ExpiresIn: int64(minted.Lifetime.Seconds()),
		Scope: scope, IssuedTokenType: issued,
	}
	if jkt != "" {
		answer.TokenType = oauth.TokenTypeDPoP
	}
	httpapi.Answer(w, http.StatusOK, answer)
	return nil
}

// issuedType returns the type of the token that will be issued.
func issuedType(requested string) (string, error) {
	switch requested {
	case "", typeAccessToken:
		return typeAccessToken, nil
	case typeJWT:
		return typeJWT, nil
	}
	return "", oauth.Refuse(oauth.InvalidRequest, "requested_token_type is not one that this server issues")
}

// exchanged returns the subject token and the actor token. The actor token is empty if
// there is none. Each comes with its type (RFC 8693 §2.1).
func exchanged(r *http.Request) (subject, actor string, err error) {
	subject, actor = r.PostForm.Get("subject_token"), r.PostForm.Get("actor_token")
	if subject == "" {
		return "", "", oauth.Refuse(oauth.InvalidRequest, "subject_token is missing")
	}
	taken := []string{typeAccessToken, typeJWT}
	if !slices.Contains(taken, r.PostForm.Get("subject_token_type")) {
		return "", "", oauth.Refuse(oauth.InvalidRequest, "subject_token_type is missing, or not that of an access token")
	}
	switch of := r.PostForm.Get("actor_token_type"); {
	case actor == "" && of != "":
		return "", "", oauth.Refuse(oauth.InvalidRequest, "actor_token_type comes without actor_token")
	case actor != "" && !slices.Contains(taken, of):
		return "", "", oauth.Refuse(oauth.InvalidRequest, "actor_token_type is missing, or not that of an access token")
	}
	return subject, actor, nil
}

// subject returns the claims of a token that is active and concerns the client. The
// refusal does not tell which of the two conditions failed.
func (h *Handler) subject(r *http.Request, c *client.Client, presented string) (*token.Claims, error) {
	claims, err := h.Active.Claims(r.Context(), presented)
	if errors.Is(err, token.ErrInvalid) {
		return nil, refusedToken("subject_token", err)
	}
	if err != nil {
		return nil, err
	}
	serves := func(audience string) bool { return c.MayIntrospect(h.Issue.Audience.Resource(audience)) }
	if claims.ClientID != c.ID && !slices.ContainsFunc(claims.Audience, serves) {
		return nil, refusedToken("subject_token", errors.New("it does not concern the client"))
	}
	return claims, nil
}

func refusedToken(which string, why error) error {
	return &oauth.Error{Code: oauth.InvalidRequest, Detail: which + " is not valid, or not this client's to exchange", Err: why}
}

// actor returns the party that acts for the subject under the new token, with the
// party that it acts for in turn. That is the client, or the subject of the actor
// token, which must be one that the client got itself. An actor that acts already does
// not act twice.
func (h *Handler) actor(r *http.Request, c *client.Client, subject *token.Claims, presented string) (*token.Actor, error) {
	acts := &token.Actor{Subject: c.ID}
	if presented != "" {
		claims, err := h.Active.Claims(r.Context(), presented)
		if err == nil && (claims.ClientID != c.ID || claims.Act != nil) {
			err = errors.Join(token.ErrInvalid, errors.New("it is another client's, or of somebody who acts for somebody else"))
		}
		if err == nil && !sameKey(claims, subject) {
			err = errors.Join(token.ErrInvalid, errors.New("it is bound to another key than the subject token"))
		}
		if errors.Is(err, token.ErrInvalid) {
			return nil, refusedToken("actor_token", err)
		}
		if err != nil {
			return nil, err
		}
		acts.Subject = claims.Subject
		if claims.Subject != c.ID {
			acts.ClientID = c.ID
		}
	}
	if may := subject.MayAct; may != nil && (may.Subject != acts.Subject || may.ClientID != "" && may.ClientID != c.ID) {
		return nil, oauth.Refuse(oauth.InvalidRequest, "may_act of the subject_token names somebody else")
	}
	before := subject.Act
	if before == nil && subject.Subject == acts.Subject {
		return nil, nil // a machine that wants less for itself
	}
	if before != nil && before.Subject == acts.Subject && before.ClientID == acts.ClientID {
		before = before.Act
	}
	acts.Act = before
	actors := 0
	for a := acts; a != nil; a = a.Act {
		actors++
	}
	if actors > maxActors {
		return nil, oauth.Refuse(oauth.InvalidRequest, "too many act for the subject already, one on behalf of the other")
	}
	return acts, nil
}

// sameKey reports whether a proof of the key of the subject token also serves for the
// actor token.
func sameKey(actor, subject *token.Claims) bool {
	needs, bound := bearer.Bound(actor)
	proved, _ := bearer.Bound(subject)
	return !bound || needs != "" && needs == proved
}

// prove returns the thumbprint of the key that the new token is bound to. A bound
// token is exchanged only with a proof of its key, and for a token that is bound to
// the same key.
func (h *Handler) prove(r *http.Request, c *client.Client, subject *token.Claims) (string, error) {
	proved, err := h.Issue.Proofs.Optional(r, c)
	if err != nil {
		return "", err
	}
	if jkt, bound := bearer.Bound(subject); bound && (proved == "" || proved != jkt) {
		return "", oauth.Refuse(oauth.InvalidDPoPProof, "the subject_token is bound to a key, which the request must prove")
	}
	return proved, nil
}
