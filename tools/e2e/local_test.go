package e2e_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// root is the checkout, seen from this package.
const root = "../.."

// localServer describes the local stack to the suite.
func localServer(s *fixture.Stack) *server {
	return &server{
		url:      s.BaseURL(),
		clientID: fixture.Machine, clientSecret: s.Secrets[fixture.Machine],
		resource: fixture.Orders, scope: fixture.OrdersScope, algorithm: "ES256",
		otherResource: fixture.Billing, otherScope: fixture.BillingScope, otherAlgorithm: "RS256",
		serverID: fixture.OrdersServer, serverSecret: s.Secrets[fixture.OrdersServer],
		otherServerID: fixture.BillingServer, otherServerSecret: s.Secrets[fixture.BillingServer],
		visitorID: fixture.Visitor, visitorSecret: s.Secrets[fixture.Visitor],
		suspendedID: fixture.Suspended, suspendedSecret: s.Secrets[fixture.Suspended],
		operatorID: fixture.Operator, operatorSecret: s.Secrets[fixture.Operator],
		userName: fixture.User, password: fixture.Password,
		webID: fixture.Web, webOrigin: fixture.WebOrigin, phoneID: fixture.Phone,
		backendID: fixture.Backend, backendSecret: s.Secrets[fixture.Backend],
		notes:  signer{fixture.Notes, s.Secrets[fixture.Notes], "https://notes.example/callback"},
		portal: signer{fixture.Portal, s.Secrets[fixture.Portal], "https://portal.example/callback"},
		bank:   signer{fixture.Bank, "", "https://bank.example/callback"}, bankKey: s.Key,
		vault:     signer{fixture.Vault, "", "https://vault.example/callback"},
		safe:      signer{fixture.Safe, s.Secrets[fixture.Safe], "https://safe.example/callback"},
		desktopID: fixture.Desktop, televisionID: fixture.Television,
		notesBye: "https://notes.example/bye", portalBye: "https://portal.example/bye",
		stock: fixture.Stock, gatewayID: fixture.Gateway, gatewaySecret: s.Secrets[fixture.Gateway],
		registrarID: fixture.Registrar, registrarSecret: s.Secrets[fixture.Registrar],
		toolsResource: fixture.Tools, toolsScope: fixture.ToolsScope,
		documentID: "https://tools-client.example/client.json",
		stack:      s,
	}
}

// local returns the local stack, which the tests called TestLocal need.
func local(t *testing.T) *fixture.Stack {
	t.Helper()
	if target.stack == nil {
		t.Fatal("this test needs the local stack; make test-e2e leaves it out where there is none")
	}
	return target.stack
}

// traces searches the logs and tables after the suite and returns a sentence for each
// thing that must not be there. Unused permissions count only when the whole suite
// ran. It closes the stack.
func traces(ctx context.Context, s *fixture.Stack, whole bool) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }

	report := s.Report()
	for _, r := range report.Refused {
		say("the role of %s refused the call %s on %s %d times: %s", r.Function, r.Action, r.Resource, r.Times, r.Reason)
	}
	for _, g := range report.Unused {
		if whole {
			say("%s may %s on %s and never did: test what needs it, or take it out of the contract", g.Function, g.Action, g.Resource)
		}
	}

	places := map[string]string{}
	tables, err := s.Tables(ctx)
	if err != nil {
		say("%v", err)
	}
	for table, text := range tables {
		places["the table "+table] = text
	}
	s.Close() // completes the logs
	for function, text := range s.Logs.All() {
		places["the log of "+function] = text
	}
	secrets := target.secrets()
	for place, text := range places {
		for _, secret := range secrets {
			if holds(text, secret) {
				say("%s holds the issued secret or token %.12s…", place, secret)
			}
		}
	}
	return found
}

// holds reports whether text contains the confidential part of a secret.
func holds(text, secret string) bool {
	return slices.ContainsFunc(essences(secret), func(e string) bool { return strings.Contains(text, e) })
}

// essences returns the forms in which a secret could be used. For a JWT that is the
// signature, since the text before it is no secret. For an opaque handle of ours it
// is the random part, as text and as bytes. For anything else it is the whole text.
func essences(secret string) []string {
	secret = secret[strings.LastIndexByte(secret, '.')+1:]
	m := handle.FindStringSubmatch(secret)
	if m == nil {
		return []string{secret}
	}
	const unguessable = 30 // bytes at the end, and 40 characters
	data, err := base64.RawURLEncoding.DecodeString(m[1])
	if err != nil || len(data) < unguessable {
		return []string{m[1]}
	}
	return []string{m[1][len(m[1])-40:], string(data[len(data)-unguessable:])}
}

// handle matches an opaque handle between its prefix and its checksum.
var handle = regexp.MustCompile(`^ts[a-z]_([A-Za-z0-9_-]+)[A-Za-z0-9]{6}$`)

// TestSearch: the search finds a secret in each of its forms.
func TestSearch(t *testing.T) {
	data := []byte("whose it is, and thirty-two bytes that nobody knows..")
	text := base64.RawURLEncoding.EncodeToString(data)
	token := "tsr_" + text + "Abc123"
	for _, tt := range []struct {
		name, text, secret string
		found              bool
	}{
		{"a token", `{"token":"` + token + `"}`, token, true},
		{"a token in a cookie", `{"token":"` + token + `"}`, "web." + token, true},
		{"without its prefix and checksum", text, token, true},
		{"its end", text[len(text)-40:], token, true},
		{"its bytes", "x" + string(data[len(data)-32:]), token, true},
		{"who it is for", string(data[:12]), token, false},
		{"a JWT", "eyJ.eyJ.c2lnbmF0dXJl", "eyJ.eyJ.c2lnbmF0dXJl", true},
		{"its signature", "c2lnbmF0dXJl", "eyJ.eyJ.c2lnbmF0dXJl", true},
		{"its claims", "eyJ.eyJ.", "eyJ.eyJ.c2lnbmF0dXJl", false},
		{"a password", `password="an old owl"`, "an old owl", true},
		{"nothing", `{"Route":"login"}`, "an old owl", false},
	} {
		if got := holds(tt.text, tt.secret); got != tt.found {
			t.Errorf("%s: found = %v, want %v", tt.name, got, tt.found)
		}
	}
}
