package token_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/route/introspect"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// said fails unless claims tell when and how a user signed in: with these methods, of
// this class, at that time.
func said(t *testing.T, where string, claims map[string]any, amr []string, acr string, at time.Time) {
	t.Helper()
	var got []string
	list, _ := claims["amr"].([]any)
	for _, method := range list {
		text, _ := method.(string)
		got = append(got, text)
	}
	class, _ := claims["acr"].(string)
	if !slices.Equal(got, amr) || class != acr || claims["auth_time"] != float64(at.Unix()) {
		t.Errorf("%s says amr %v, acr %v, auth_time %v, want %v, %q, %d", where, claims["amr"], claims["acr"], claims["auth_time"], amr, acr, at.Unix())
	}
}

// acr and amr after each factor (Zitadel CVE-2025-64103): every token of a session
// tells how strongly the user signed in, the first like the last, and a resource
// server learns the same.
func TestTokensSayHowThePersonSignedIn(t *testing.T) {
	s := newSignIn(t)
	secret := s.Register(client.Client{ID: "orders-api", Introspects: []string{routetest.Orders}})
	server := s.Route(contract.Introspect, &introspect.Handler{
		Auth: s.Auth(), Active: &bearer.Live{Guard: s.Bearer(), Clients: s.Clients(), Sessions: s.Sessions()}, Now: s.Now,
	})
	for _, tt := range []struct{ amr, acr string }{
		{"pwd", "aal1"},
		{"fed", "aal1"},
		{"pwd otp mfa", "aal2"},
		{"fed otp mfa", "aal2"},
		{"pop user mfa", "aal2"},
		{"", ""}, // a session of an earlier release
	} {
		amr, at := strings.Fields(tt.amr), s.Time.Add(-time.Minute)
		got := s.redeem(s.code(appID, func(c *session.Code) { c.AMR, c.AuthTime = amr, at }))
		for round := range 3 {
			where := tt.amr + ", round " + string(rune('1'+round))
			if got.Status != http.StatusOK {
				t.Fatalf("%s: answer = %d %s", where, got.Status, got.Body)
			}
			said(t, where+": access token", routetest.Claims(t, got.Text("access_token")), amr, tt.acr, at)
			said(t, where+": id token", routetest.Claims(t, got.Text("id_token")), amr, tt.acr, at)
			asked := routetest.Post(server, url.Values{"token": {got.Text("access_token")}}, "orders-api", secret)
			if asked.JSON["active"] != true {
				t.Errorf("%s: introspection = %s, want active", where, asked.Body)
			}
			said(t, where+": introspection", asked.JSON, amr, tt.acr, at)
			// A new sign-in of the user makes this session no stronger.
			s.Login(s.Ada)
			s.Pass(time.Minute)
			got = routetest.Do(s.route, s.refresh(appID, got.Text("refresh_token")))
		}
	}
}
