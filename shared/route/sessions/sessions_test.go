package sessions_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/sessions"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

func route(h *routetest.Home) *httpapi.Route {
	rt := h.Route(contract.MySessions, &sessions.Handler{Guard: h.Guard(), Sessions: h.Sessions()})
	rt.Problems = true
	return rt
}

// cookie is a request of our own page.
func cookie(method, path, value string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	r.AddCookie(&http.Cookie{Name: websec.SessionCookie, Value: value})
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// bearer is a request of a client.
func bearer(method, path, value string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Authorization", "Bearer "+value)
	return r
}

// api is an access token for our API under a grant.
func api(h *routetest.Home, begun *issue.Issued) string {
	h.T.Helper()
	g := begun.Grant
	return mint(h, token.Request{
		Subject: g.Subject, ClientID: g.Client, Scope: contract.ScopeSessions, SessionID: g.ID, AuthTime: g.AuthTime,
	})
}

func mint(h *routetest.Home, r token.Request) string {
	h.T.Helper()
	r.Algorithm, r.Lifetime = oauth.ES256, 5*time.Minute
	if r.Audience == nil {
		r.Audience = []string{routetest.Issuer + contract.APIPath}
	}
	minted, err := h.Minter().Mint(h.T.Context(), r)
	if err != nil {
		h.T.Fatal(err)
	}
	return minted.Value
}

// live returns the ids of the live sessions of a user.
func live(t *testing.T, h *routetest.Home, subject string) string {
	t.Helper()
	items, err := h.Sessions().List(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, i := range items {
		ids = append(ids, i.ID)
	}
	return strings.Join(ids, " ")
}

func TestList(t *testing.T) {
	h := routetest.Furnish(t)
	eve := h.AddUser("eve")
	foreign := h.Grant(routetest.Phone, eve)
	l, value := h.Login(h.Ada)
	h.Pass(time.Minute)
	phone := h.Grant(routetest.Phone, h.Ada)
	list := func(r *http.Request) sessions.List {
		got := routetest.Do(route(h), r)
		var all sessions.List
		if err := json.Unmarshal([]byte(got.Body), &all); err != nil || got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("answer = %d %s %v, %v", got.Status, got.Body, got.Header, err)
		}
		if strings.Contains(got.Body, foreign.Grant.ID) {
			t.Errorf("list %s shows somebody else's", got.Body)
		}
		return all
	}
	all := list(bearer("GET", "/sessions", api(h, phone)))
	want := []sessions.Session{
		{
			ID: phone.Grant.ID, Kind: "grant", Current: true, Created: h.Time.Unix(), LastUsed: h.Time.Unix(),
			Expires: phone.Grant.Idle.Unix(), AuthTime: h.Time.Unix(), Client: routetest.Phone,
			Scope: phone.Grant.Scope, Device: "test", IP: "203.0.113.0/24", AMR: []string{"pwd"},
		},
		{
			ID: l.ID, Kind: "login", Created: l.Created.Unix(), LastUsed: l.Created.Unix(),
			Expires: l.Idle.Unix(), AuthTime: l.AuthTime.Unix(), Device: "test", IP: "203.0.113.0/24", AMR: []string{"pwd"},
		},
	}
	a, _ := json.Marshal(all.Sessions)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Errorf("sessions = %s, want %s", a, b)
	}
	h.Pass(time.Minute)
	if all = list(cookie("GET", "/sessions", value)); len(all.Sessions) != 2 || all.Sessions[0].ID != l.ID || !all.Sessions[0].Current || all.Sessions[1].Current {
		t.Errorf("sessions = %+v, want the browser's marked, and last used now", all.Sessions)
	}
}

func TestEndOne(t *testing.T) {
	h := routetest.Furnish(t)
	eve := h.AddUser("eve")
	phone, other, foreign := h.Grant(routetest.Phone, h.Ada), h.Grant(routetest.Web, h.Ada), h.Grant(routetest.Phone, eve)
	l, value := h.Login(h.Ada)
	ask := func(id string) routetest.Answer {
		return routetest.Do(route(h), bearer("DELETE", "/sessions/"+id, api(h, phone)))
	}
	for name, id := range map[string]string{
		"somebody else's": foreign.Grant.ID, "none": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "in other case": strings.ToLower(other.Grant.ID),
		"with its kind": "grant%23" + other.Grant.ID, "a path": other.Grant.ID + "/x", "up": "..", "empty": "", "junk": "x", "overflowing": "Z" + other.Grant.ID[1:],
	} {
		if got := ask(id); got.Status != 404 || got.JSON["code"] != "not_found" || got.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s = %d %s, want 404 not_found", name, got.Status, got.Body)
		}
	}
	if got := ask(other.Grant.ID); got.Status != 200 || got.JSON["ended"] != 1.0 {
		t.Errorf("a grant = %d %s, want one ended", got.Status, got.Body)
	}
	if got := ask(other.Grant.ID); got.Status != 404 {
		t.Errorf("the same again = %d %s, want 404", got.Status, got.Body)
	}
	if got := ask(l.ID); got.Status != 200 || got.Cookie(websec.SessionCookie) != nil {
		t.Errorf("a login by a client = %d %s, want 200 and no cookie touched", got.Status, got.Body)
	}
	if got := routetest.Do(route(h), cookie("GET", "/sessions", value)); got.Status != 401 || got.JSON["code"] != "invalid_token" {
		t.Errorf("the browser afterwards = %d %s, want 401 invalid_token", got.Status, got.Body)
	}
	if got := live(t, h, h.Ada); got != phone.Grant.ID {
		t.Errorf("live = %s, want the one that asked", got)
	}
	if got := live(t, h, eve); got != foreign.Grant.ID {
		t.Errorf("eve's = %s, want it untouched", got)
	}
}

// A browser that ends its own session is signed out, and can ask no more.
func TestEndTheCurrentOne(t *testing.T) {
	h := routetest.Furnish(t)
	l, value := h.Login(h.Ada)
	got := routetest.Do(route(h), cookie("DELETE", "/sessions/"+l.ID, value))
	if c := got.Cookie(websec.SessionCookie); got.Status != 200 || c == nil || c.MaxAge >= 0 {
		t.Errorf("answer = %d %s, cookie %v, want it ended and forgotten", got.Status, got.Body, c)
	}
	phone := h.Grant(routetest.Phone, h.Ada)
	access := api(h, phone)
	if got := routetest.Do(route(h), bearer("DELETE", "/sessions/"+phone.Grant.ID, access)); got.Status != 200 {
		t.Errorf("answer = %d %s, want 200", got.Status, got.Body)
	}
	if got := routetest.Do(route(h), bearer("GET", "/sessions", access)); got.Status != 401 || got.JSON["code"] != "invalid_token" {
		t.Errorf("the same token again = %d %s, want 401 invalid_token", got.Status, got.Body)
	}
}

func TestEndOthers(t *testing.T) {
	h := routetest.Furnish(t)
	h.Login(h.Ada)
	h.Grant(routetest.Web, h.Ada)
	phone := h.Grant(routetest.Phone, h.Ada)
	for _, ended := range []float64{2, 0} {
		got := routetest.Do(route(h), bearer("POST", "/sessions/revoke-others", api(h, phone)))
		if got.Status != 200 || got.JSON["ended"] != ended {
			t.Errorf("answer = %d %s, want %v ended", got.Status, got.Body, ended)
		}
	}
	if got := live(t, h, h.Ada); got != phone.Grant.ID {
		t.Errorf("live = %s, want the one that asked", got)
	}
}

// A sign-out everywhere requires a recent sign-in, and not only an open session.
func TestEndAll(t *testing.T) {
	h := routetest.Furnish(t)
	h.Grant(routetest.Phone, h.Ada)
	_, value := h.Login(h.Ada)
	h.Pass(httpapi.FreshAuthentication + time.Second)
	got := routetest.Do(route(h), cookie("DELETE", "/sessions", value))
	if got.Status != 401 || got.JSON["code"] != "insufficient_user_authentication" || !strings.Contains(got.Header.Get("WWW-Authenticate"), "max_age=600") {
		t.Errorf("eleven minutes after the sign-in = %d %s %v, want a new sign-in asked for", got.Status, got.Body, got.Header)
	}
	if strings.Count(live(t, h, h.Ada), " ") != 1 {
		t.Fatalf("live = %s, want both", live(t, h, h.Ada))
	}
	_, value = h.Login(h.Ada)
	got = routetest.Do(route(h), cookie("DELETE", "/sessions", value))
	if c := got.Cookie(websec.SessionCookie); got.Status != 200 || got.JSON["ended"] != 3.0 || c == nil || c.MaxAge >= 0 {
		t.Errorf("fresh = %d %s, cookie %v, want all three ended and the cookie forgotten", got.Status, got.Body, c)
	}
	if got := live(t, h, h.Ada); got != "" {
		t.Errorf("live = %s, want nothing", got)
	}
}

// The pages of a client may call with an access token, and read the answers.
func TestPagesOfClients(t *testing.T) {
	h := routetest.Furnish(t)
	web := h.Grant(routetest.Web, h.Ada)
	r := bearer("GET", "/sessions?client_id="+routetest.Web, api(h, web))
	r.Header.Set("Origin", routetest.App)
	r.Header.Set("Sec-Fetch-Site", "same-site")
	if got := routetest.Do(route(h), r); got.Status != 200 || got.Header.Get("Access-Control-Allow-Origin") != routetest.App {
		t.Errorf("answer = %d %v, want 200 that the page may read", got.Status, got.Header)
	}
}

// A session that ends during the request cannot be kept.
func TestCurrentUnknown(t *testing.T) {
	h := routetest.Furnish(t)
	phone := h.Grant(routetest.Phone, h.Ada)
	h.Grant(routetest.Web, h.Ada)
	guard := h.Guard()
	other := h.Sessions()
	ended := false
	now := other.Now
	store := h.Sessions()
	store.Now = func(ctx context.Context) time.Time { // asked first by the second look
		if !ended {
			ended = true
			if err := other.End(t.Context(), h.Ada, phone.Grant.ID, session.Cause{Why: session.Revoked}); err != nil {
				t.Error(err)
			}
		}
		return now(ctx)
	}
	rt := h.Route(contract.MySessions, &sessions.Handler{Guard: guard, Sessions: store})
	rt.Problems = true
	got := routetest.Do(rt, bearer("POST", "/sessions/revoke-others", api(h, phone)))
	if got.Status != 400 || got.JSON["code"] != "invalid_request" || !ended {
		t.Errorf("answer = %d %s, want 400 invalid_request", got.Status, got.Body)
	}
	if live(t, h, h.Ada) == "" {
		t.Error("the other session was ended")
	}
}
