package revoke_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/revoke"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

func route(h *routetest.Home) http.Handler {
	return h.Route(contract.Revoke, &revoke.Handler{Auth: h.Auth(), Guard: h.Bearer(), Handles: h.Handles(), Sessions: h.Sessions()})
}

// ask revokes as a public client.
func ask(h *routetest.Home, clientID, presented string, more ...string) routetest.Answer {
	form := url.Values{"client_id": {clientID}, "token": {presented}}
	for ; len(more) > 0; more = more[2:] {
		form.Set(more[0], more[1])
	}
	return routetest.Post(route(h), form, "", "")
}

// done fails unless the answer is 200 with an empty object.
func done(t *testing.T, a routetest.Answer) {
	t.Helper()
	if a.Status != 200 || a.Body != "{}" || a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answer = %d %q %v, want 200 {}", a.Status, a.Body, a.Header)
	}
}

func live(t *testing.T, h *routetest.Home, begun *issue.Issued) bool {
	t.Helper()
	_, err := h.Sessions().Grant(t.Context(), h.Ada, begun.Grant.ID)
	return err == nil
}

func TestRevocation(t *testing.T) {
	h := routetest.Furnish(t)
	next := func(begun *issue.Issued) string {
		handle, err := h.Handles().Parse(t.Context(), begun.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		text, err := h.Handles().Next(t.Context(), handle)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	tests := map[string]func(*issue.Issued) (string, []string){
		"refresh token": func(b *issue.Issued) (string, []string) { return b.RefreshToken, nil },
		"refresh token with a hint": func(b *issue.Issued) (string, []string) {
			return b.RefreshToken, []string{"token_type_hint", "refresh_token"}
		},
		"refresh token, the wrong hint": func(b *issue.Issued) (string, []string) {
			return b.RefreshToken, []string{"token_type_hint", "access_token"}
		},
		"refresh token, unknown hint":   func(b *issue.Issued) (string, []string) { return b.RefreshToken, []string{"token_type_hint", "x"} },
		"refresh token of another turn": func(b *issue.Issued) (string, []string) { return next(b), nil },
		"access token":                  func(b *issue.Issued) (string, []string) { return b.Access.Value, nil },
	}
	for name, present := range tests {
		t.Run(name, func(t *testing.T) {
			begun, bystander := h.Grant(routetest.Phone, h.Ada), h.Grant(routetest.Phone, h.Ada)
			before := h.Entries(session.ActionEndGrant)
			presented, more := present(begun)
			for range 2 {
				done(t, ask(h, routetest.Phone, presented, more...))
			}
			if live(t, h, begun) || !live(t, h, bystander) {
				t.Errorf("live afterwards: %t, and another grant: %t, want false and true", live(t, h, begun), live(t, h, bystander))
			}
			if n := h.Entries(session.ActionEndGrant) - before; n != 1 {
				t.Errorf("the trail has %d entries more after two revocations, want 1", n)
			}
		})
	}
}

// A client ends its own tokens, and learns nothing about the tokens of others.
func TestRevocationByOthers(t *testing.T) {
	h := routetest.Furnish(t)
	phone, backend := h.Grant(routetest.Phone, h.Ada), h.Grant(routetest.Backend, h.Ada)
	for _, presented := range []string{phone.RefreshToken, phone.Access.Value} {
		done(t, ask(h, routetest.Web, presented))
		done(t, routetest.Post(route(h), url.Values{"token": {presented}}, routetest.Backend, h.Secret))
	}
	if got := ask(h, routetest.Backend, backend.RefreshToken); got.Status != 401 || got.Error() != "invalid_client" {
		t.Errorf("without its secret = %d %s, want 401 invalid_client", got.Status, got.Body)
	}
	if !live(t, h, phone) || !live(t, h, backend) {
		t.Error("another client ended a grant")
	}
	done(t, routetest.Post(route(h), url.Values{"token": {backend.RefreshToken}}, routetest.Backend, h.Secret))
	if live(t, h, backend) {
		t.Error("the client could not end its own")
	}
}

// A text that is no token of ours, or a token without a grant, changes nothing.
func TestRevocationOfNothing(t *testing.T) {
	h := routetest.Furnish(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	machine, err := h.Minter().Mint(t.Context(), token.Request{
		Subject: routetest.Phone, ClientID: routetest.Phone, Audience: []string{routetest.Orders}, Algorithm: oauth.ES256, Lifetime: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	before := contents(t, h)
	for name, presented := range map[string]string{
		"junk": "junk", "cut": begun.RefreshToken[:len(begun.RefreshToken)-1], "upper": strings.ToUpper(begun.RefreshToken),
		"a cookie": "tsi_" + begun.RefreshToken[4:], "a machine's token": machine.Value, "a cut token": begun.Access.Value[:len(begun.Access.Value)-1],
		"the id of the grant": begun.Grant.ID, "a jti": begun.Access.ID, "JWT of nothing": "a.b.c",
	} {
		t.Run(name, func(t *testing.T) { done(t, ask(h, routetest.Phone, presented)) })
	}
	if after := contents(t, h); after != before || !live(t, h, begun) {
		t.Errorf("the tables are\n%s\nafter, and were\n%s", after, before)
	}
	if got := ask(h, routetest.Phone, ""); got.Status != 400 || got.Error() != "invalid_request" {
		t.Errorf("without a token = %d %s, want 400 invalid_request", got.Status, got.Body)
	}
}

// contents returns the items of the sessions table and of the audit trail.
func contents(t *testing.T, h *routetest.Home) string {
	t.Helper()
	all := ""
	for _, r := range []contract.Resource{contract.Sessions, contract.Audit} {
		out, err := h.DB.Scan(context.Background(), &dynamodb.ScanInput{TableName: new(h.Table(r)), ConsistentRead: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(out.Items)
		if err != nil {
			t.Fatal(err)
		}
		all += string(data)
	}
	return all
}

// A revocation that could not be written is not confirmed.
func TestOutageIsNoRevocation(t *testing.T) {
	h := routetest.Furnish(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	store := h.Sessions()
	store.Trail.Table = "no-such-table"
	down := h.Route(contract.Revoke, &revoke.Handler{Auth: h.Auth(), Guard: h.Bearer(), Handles: h.Handles(), Sessions: store})
	got := routetest.Post(down, url.Values{"client_id": {routetest.Phone}, "token": {begun.RefreshToken}}, "", "")
	if got.Status != 503 || got.Header.Get("Retry-After") == "" || !live(t, h, begun) {
		t.Errorf("without a trail = %d %s, want 503 and nothing changed", got.Status, got.Body)
	}
}
