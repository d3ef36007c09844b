package token

import (
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
)

// authorizationCode redeems an authorization code (RFC 6749 §4.1.3). It writes nothing
// until it has judged everything that the request can get wrong. So a party that has a
// code and nothing else cannot harm the client that the code is for. A second
// redemption ends the grant of the first one.
func (h *Handler) authorizationCode(w http.ResponseWriter, r *http.Request, c *client.Client) error {
	ctx := r.Context()
	code, err := h.code(r, c)
	if err != nil {
		return err
	}
	note := httpapi.Note(ctx)
	note.Subject, note.Session = code.Subject, code.Grant
	resources := r.PostForm["resource"]
	idle, absolute, err := h.Issue.Plan(ctx, c, audience.Granted{Resources: code.Audience, Scope: code.Scope}, resources)
	if err != nil {
		return err
	}
	jkt, err := h.Issue.Proofs.Optional(r, c)
	if err != nil {
		return err
	}
	if err := rightKey(code, jkt); err != nil {
		return err
	}
	grant, err := h.Issue.Sessions.Redeem(ctx, code, session.RedeemRequest{
		Client: c.ID, Idle: idle, Absolute: absolute, Bound: !c.Public(), JKT: jkt, Notify: c.BackChannelURI != "",
		ClientInfo: session.NewClientInfo(r.RemoteAddr, r.UserAgent()), RequestID: httpapi.RequestID(ctx),
	})
	if err != nil {
		return spent(note, err)
	}
	begun, err := h.Issue.Begin(ctx, c, grant, issue.Extra{Nonce: code.Nonce, JKT: jkt, Resources: resources})
	if err != nil {
		return err
	}
	httpapi.Answer(w, http.StatusOK, begun.Response())
	return nil
}

// code returns the code of the request, which c may redeem as far as the code itself
// tells: it was issued to c, for the redirect URI that the request repeats, and for
// the verifier. Every client must send a verifier, and nothing replaces one that is
// missing (RFC 9700 §2.1.1).
func (h *Handler) code(r *http.Request, c *client.Client) (*session.Code, error) {
	if !c.MayUse(oauth.GrantAuthorizationCode) {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the client may not use this grant_type")
	}
	presented, verifier := r.PostForm.Get("code"), r.PostForm.Get("code_verifier")
	if presented == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "code is missing")
	}
	if verifier == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "code_verifier is missing")
	}
	code, err := h.Codes.Open(r.Context(), presented)
	if errors.Is(err, session.ErrForged) || errors.Is(err, session.ErrEnded) {
		return nil, useless(err)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case code.Client != session.DigestOf(c.ID):
		return nil, useless(errors.New("it is another client's"))
	case code.RedirectURI != session.DigestOf(r.PostForm.Get("redirect_uri")):
		return nil, oauth.Refuse(oauth.InvalidGrant, "redirect_uri is not that of the authorization request")
	case !validVerifier(verifier) || code.Challenge != session.DigestOf(verifier):
		return nil, oauth.Refuse(oauth.InvalidGrant, "code_verifier is not the one of the code_challenge")
	}
	return code, nil
}

// validVerifier reports whether a verifier is valid under RFC 7636 §4.1. A shorter one
// could be guessed from its challenge.
func validVerifier(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// rightKey refuses a request if the proven key, if any, is not that of the
// authorization request (RFC 9449 §10).
func rightKey(code *session.Code, jkt string) error {
	switch {
	case code.JKT == "" || code.JKT == jkt:
		return nil
	case jkt == "":
		return oauth.Refuse(oauth.InvalidDPoPProof, "the code is bound to a key: send a DPoP proof")
	}
	return oauth.Refuse(oauth.InvalidGrant, "the code is bound to another key")
}

// spent returns the refusal of a code that gives nothing: it was redeemed before, or
// the user is not signed in any more.
func spent(note *httpapi.LogEntry, err error) error {
	if _, reused := errors.AsType[*session.ReuseError](err); reused {
		note.Outcome, note.Reused = "reused", 1
		return useless(err)
	}
	if errors.Is(err, session.ErrStale) || errors.Is(err, session.ErrEnded) {
		return useless(err)
	}
	return err
}

func useless(why error) error {
	return &oauth.Error{Code: oauth.InvalidGrant, Detail: "the code is not valid any more", Err: why}
}
