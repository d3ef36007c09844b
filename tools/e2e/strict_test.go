package e2e_test

import (
	"slices"
	"strings"
	"testing"
)

// signedInByNode is the output of the scripts for one kind of client.
type signedInByNode struct {
	Failure       string
	Trail         []string
	Tokens, Order struct {
		TokenType   string `json:"token_type"`
		Scope       string
		AccessToken string `json:"access_token"`
	}
	Claims, Person, Introspection, After, Checked map[string]any
	Machine                                       map[string]any
	Arrived, Thief                                string
}

// good checks the result that every kind of client must have.
func (s signedInByNode) good(t *testing.T, kind string) {
	t.Helper()
	if s.Failure != "" {
		t.Errorf("%s: %s", kind, s.Failure)
		return
	}
	want := "bearer"
	if kind == "vault" || kind == "safe" {
		want = "dpop"
		if confirmation, _ := s.Introspection["cnf"].(map[string]any); confirmation["jkt"] == nil {
			t.Errorf("%s: introspection = %v, want the key in it", kind, s.Introspection)
		}
	}
	if s.Tokens.TokenType != want || s.Order.TokenType != want {
		t.Errorf("%s: token types %q and %q, want %s", kind, s.Tokens.TokenType, s.Order.TokenType, want)
	}
	if s.Introspection["active"] != true || s.After["active"] != false {
		t.Errorf("%s: active %v, and %v after the revocation, want true and false", kind, s.Introspection["active"], s.After["active"])
	}
	if s.Claims["sub"] == "" || s.Claims["sub"] != s.Person["sub"] || s.Introspection["sub"] != s.Person["sub"] {
		t.Errorf("%s: the id token is about %v, userinfo %v, introspection %v", kind, s.Claims["sub"], s.Person["sub"], s.Introspection["sub"])
	}
}

// TestOpenIDClientSignIn runs openid-client as every kind of client with the
// authorization code flow.
func TestOpenIDClientSignIn(t *testing.T) {
	t.Parallel()
	var got struct {
		Notes, Portal, Desktop, Bank, Vault, Safe signedInByNode
		Television                                struct {
			Tokens, Claims map[string]any
			Page           string
		}
		Exchange struct{ Tokens, Introspection map[string]any }
		SignOut  struct{ URL, State, Again string }
	}
	node(t, "node/signin-openid-client.mjs", &got)
	for kind, s := range map[string]signedInByNode{
		"notes": got.Notes, "portal": got.Portal, "desktop": got.Desktop, "bank": got.Bank, "vault": got.Vault, "safe": got.Safe,
	} {
		s.good(t, kind)
	}
	if got.Notes.Person["preferred_username"] != target.userName || got.Notes.Claims["auth_time"] == nil {
		t.Errorf("notes: userinfo %v and id token %v, want who and when", got.Notes.Person, got.Notes.Claims)
	}
	if got.Bank.Machine["token_type"] != "bearer" || got.Safe.Machine["token_type"] != "dpop" {
		t.Errorf("as machines: bank %v, safe %v, want a bearer token and a bound one", got.Bank.Machine, got.Safe.Machine)
	}
	if got.Television.Tokens["access_token"] == nil || got.Television.Claims["sub"] == nil {
		t.Errorf("television: %+v, want tokens", got.Television)
	}
	if got.Exchange.Introspection["active"] != true || got.Exchange.Introspection["act"] == nil || got.Exchange.Tokens["issued_token_type"] != accessTokenType {
		t.Errorf("exchange: %+v, want an active token with who acts", got.Exchange)
	}
	if got.SignOut.URL != target.portalBye || got.SignOut.State != "so long" || got.SignOut.Again != "login_required" {
		t.Errorf("sign-out: %+v, want back at %s with the state, and no session", got.SignOut, target.portalBye)
	}
}

// TestOAuth4WebAPISignIn runs oauth4webapi, the strictest of the clients.
func TestOAuth4WebAPISignIn(t *testing.T) {
	t.Parallel()
	var got struct {
		Notes, Desktop, Bank, Vault, Safe signedInByNode
		Registered                        *signedInByNode
		Television                        struct {
			Device map[string]any
			Early  string
		}
		Refusals map[string]string
	}
	node(t, "node/signin-oauth4webapi.mjs", &got)
	kinds := map[string]signedInByNode{"notes": got.Notes, "desktop": got.Desktop, "bank": got.Bank, "vault": got.Vault, "safe": got.Safe}
	if got.Registered != nil {
		kinds["registered"] = *got.Registered
	}
	for kind, s := range kinds {
		s.good(t, kind)
		if s.Failure == "" && s.Checked["client_id"] == nil {
			t.Errorf("%s: the API sees %v, want a client", kind, s.Checked)
		}
	}
	for kind, s := range map[string]signedInByNode{"vault": got.Vault, "safe": got.Safe} {
		if s.Thief != "invalid_dpop_proof" && s.Thief != "invalid_grant" {
			t.Errorf("%s: a refresh without a proof is %q, want it refused", kind, s.Thief)
		}
	}
	if got.Television.Early != "authorization_pending" || len(got.Television.Device) == 0 {
		t.Errorf("television: %+v, want it to wait", got.Television)
	}
	for name, want := range map[string]string{
		"denied": "access_denied", "nobody": "login_required", "scope": "invalid_scope", "resource": "invalid_target",
		"challenge": "invalid_request", "type": "unsupported_response_type",
	} {
		if got.Refusals[name] != want {
			t.Errorf("%s: %q, want %s", name, got.Refusals[name], want)
		}
	}
}

// outcome is the state of a stored session of an MCP client.
type outcome struct {
	Result, Tokens, Client string
	Person                 bool
}

// TestMCPClient runs the auth() of the MCP SDK for each way of becoming a
// client. An ended session makes the client open the browser again. A server that is
// overloaded, or without its tables, ends no session.
func TestMCPClient(t *testing.T) {
	t.Parallel()
	var got map[string]struct {
		Failure           string
		Asked             []string
		Begun             struct{ First, Second string }
		Tokens            map[string]any
		Client            string
		Again             outcome
		Busy              map[string]outcome
		Afterwards, Ended outcome
	}
	node(t, "node/mcp.mjs", &got)
	ways := []string{"registered", "silent"}
	if target.documentID != "" {
		ways = append(ways, "document")
	}
	for _, way := range ways {
		g := got[way]
		if g.Failure != "" {
			t.Errorf("%s: %s\n%s", way, g.Failure, strings.Join(g.Asked, "\n"))
			continue
		}
		if g.Begun.First != "REDIRECT" || g.Begun.Second != "AUTHORIZED" || g.Tokens["scope"] != target.toolsScope && !strings.Contains(g.Tokens["scope"].(string), target.toolsScope) {
			t.Errorf("%s: %+v with %v, want consent to be asked for, and tokens for %s", way, g.Begun, g.Tokens["scope"], target.toolsScope)
		}
		renewed := outcome{Result: "AUTHORIZED", Tokens: "new", Client: "kept"}
		if g.Again != renewed || g.Afterwards != renewed {
			t.Errorf("%s: again %+v, after the trouble %+v, want %+v", way, g.Again, g.Afterwards, renewed)
		}
		for status, o := range g.Busy {
			if o.Person || o.Tokens != "kept" || o.Client != "kept" {
				t.Errorf("%s: after %s: %+v, want everything kept and no sign-in", way, status, o)
			}
		}
		if want := (outcome{Result: "REDIRECT", Tokens: "wiped", Client: "kept", Person: true}); g.Ended != want {
			t.Errorf("%s: after the end %+v, want %+v", way, g.Ended, want)
		}
		if (way == "document") == slices.Contains(g.Asked, "POST /register 201") {
			t.Errorf("%s: asked\n%s", way, strings.Join(g.Asked, "\n"))
		}
	}
}
