package deviceauthorization_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/deviceauthorization"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

// The clients of these tests: a public one, one with a secret, and one that may
// not use the grant.
const (
	tvID      = "tv"
	consoleID = "game-box"
	phoneID   = routetest.Phone
)

type living struct {
	*routetest.Home
	secret string // of console
	route  http.Handler
}

func newLiving(t *testing.T) *living {
	t.Helper()
	l := &living{Home: routetest.Furnish(t)}
	tv := l.Client(tvID)
	tv.Grants, tv.Identity = []string{oauth.GrantDeviceCode}, []string{oauth.ScopeOpenID, oauth.ScopeOfflineAccess}
	l.Register(tv)
	console := l.Client(consoleID)
	console.Grants, console.AuthMethods = []string{oauth.GrantDeviceCode}, nil
	l.secret = l.Register(console)
	l.route = l.with(l.devices())
	return l
}

func (l *living) devices() *device.Store {
	return &device.Store{
		DB: l.DB, Sessions: l.Table(contract.Sessions), Trail: l.Trail(), Now: l.Now,
		Key: func(context.Context) ([]byte, error) { return []byte("a key for tests"), nil },
	}
}

// with is the route with a store of requests.
func (l *living) with(devices *device.Store) http.Handler {
	auth := l.Auth()
	return l.Route(contract.DeviceAuthorization, &deviceauthorization.Handler{
		Issuer: routetest.Issuer, Auth: auth, Audience: &audience.Resolver{Issuer: routetest.Issuer, Clients: auth.Clients}, Devices: devices,
		Throttle: &throttle.Store{DB: l.DB, Sessions: l.Table(contract.Sessions), Key: l.ThrottleKey, Now: l.Now},
	})
}

// begin is the request of a device, with pairs of other parameters.
func begin(clientID string, more ...string) *http.Request {
	form := url.Values{}
	if clientID != "" {
		form.Set("client_id", clientID)
	}
	for ; len(more) > 1; more = more[2:] {
		form.Add(more[0], more[1])
	}
	r := routetest.Form("/device_authorization", form)
	r.Header.Set("User-Agent", "Television/3")
	return r
}

func (l *living) asConsole(r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(consoleID+":"+l.secret)))
	return r
}

func TestDeviceAuthorization(t *testing.T) {
	l := newLiving(t)
	got := routetest.Do(l.route, begin(tvID, "scope", "openid orders:read offline_access"))
	if got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("answer = %d %s %v, want codes that nobody stores", got.Status, got.Body, got.Header)
	}
	user := got.Text("user_code")
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(user) {
		t.Errorf("user_code = %q, want four consonants twice", user)
	}
	page := routetest.Issuer + "/device"
	if got.Text("verification_uri") != page || got.Text("verification_uri_complete") != page+"?user_code="+user {
		t.Errorf("answer = %s, want the page, and the page with the code", got.Body)
	}
	if got.JSON["expires_in"] != 600.0 || got.JSON["interval"] != 5.0 || !strings.HasPrefix(got.Text("device_code"), "tsv_") || len(got.JSON) != 6 {
		t.Errorf("answer = %s, want 600, 5, a code of ours, and no more", got.Body)
	}
	code, err := device.ParseUserCode(user)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.devices().Find(t.Context(), code)
	if err != nil || r.Client != tvID || r.Scope != "openid orders:read offline_access" || len(r.Audience) != 1 || r.Audience[0] != routetest.Orders ||
		r.IP != "203.0.113.0/24" || r.Agent != "Television" {
		t.Errorf("request = %+v, %v, want what was asked for, and from where", r, err)
	}
	if log := l.Log.String(); strings.Contains(log, got.Text("device_code")) || strings.Contains(log, user) || !strings.Contains(log, tvID) {
		t.Errorf("log = %s, want the client and no code", log)
	}
	if n := l.Entries(""); n != 0 {
		t.Errorf("the trail has %d entries, want none before somebody decides", n)
	}
}

func TestWhatADeviceMayAskFor(t *testing.T) {
	l := newLiving(t)
	for _, tt := range []struct {
		name            string
		request         *http.Request
		scope, audience string
	}{
		{"the default", begin(tvID), "orders:read orders:write", routetest.Orders},
		{"a resource", begin(tvID, "resource", routetest.Billing+"/"), "billing:read", routetest.Billing},
		{"two resources", begin(tvID, "resource", routetest.Billing, "resource", routetest.Orders, "scope", "orders:read billing:read"), "orders:read billing:read", routetest.Billing + " " + routetest.Orders},
		{"our API", begin(tvID, "resource", routetest.Issuer+"/api"), "sessions", "/api"},
		{"a secret", l.asConsole(begin("", "scope", "orders:read")), "orders:read", routetest.Orders},
		{"a secret in the form", begin(consoleID, "client_secret", l.secret, "scope", "orders:read"), "orders:read", routetest.Orders},
	} {
		got := routetest.Do(l.route, tt.request)
		code, _ := device.ParseUserCode(got.Text("user_code"))
		r, err := l.devices().Find(t.Context(), code)
		if err != nil || r.Scope != tt.scope || strings.Join(r.Audience, " ") != tt.audience {
			t.Errorf("%s: answer = %d %s, request = %+v, %v, want %s at %s", tt.name, got.Status, got.Body, r, err, tt.scope, tt.audience)
		}
	}
}

func TestRefusals(t *testing.T) {
	l := newLiving(t)
	disabled := l.Client("disabled")
	disabled.Grants, disabled.Disabled = []string{oauth.GrantDeviceCode}, true
	l.Register(disabled)
	inURL := begin("")
	inURL.URL.RawQuery = "client_id=" + tvID
	for _, tt := range []struct {
		name    string
		request *http.Request
		status  int
		code    oauth.Code
	}{
		{"no client", begin(""), 401, oauth.InvalidClient},
		{"a client in the URL", inURL, 401, oauth.InvalidClient},
		{"a client that is none", begin("nobody"), 401, oauth.InvalidClient},
		{"a disabled client", begin("disabled"), 401, oauth.InvalidClient},
		{"a client without its secret", begin(consoleID), 401, oauth.InvalidClient},
		{"a wrong secret", begin(consoleID, "client_secret", client.NewSecret()), 401, oauth.InvalidClient},
		{"a secret twice", l.asConsole(begin(consoleID, "client_secret", l.secret)), 400, oauth.InvalidRequest},
		{"a secret of a client that has none", begin(tvID, "client_secret", client.NewSecret()), 401, oauth.InvalidClient},
		{"a client without the grant", begin(phoneID), 400, oauth.UnauthorizedClient},
		{"a scope that it may not have", begin(tvID, "scope", "orders:delete"), 400, oauth.InvalidScope},
		{"a scope of another resource", begin(tvID, "scope", "billing:read"), 400, oauth.InvalidScope},
		{"an identity scope that it may not have", begin(tvID, "scope", "openid email"), 400, oauth.InvalidScope},
		{"a scope that is none", begin(tvID, "scope", "a  b"), 400, oauth.InvalidScope},
		{"a resource that it may not reach", begin(tvID, "resource", "https://evil.example"), 400, oauth.InvalidTarget},
		{"a resource that is none", begin(tvID, "resource", "orders"), 400, oauth.InvalidTarget},
		{"client_id twice", begin(tvID, "client_id", tvID), 400, oauth.InvalidRequest},
	} {
		got := routetest.Do(l.route, tt.request)
		if got.Status != tt.status || got.Error() != string(tt.code) {
			t.Errorf("%s: answer = %d %s, want %d %s", tt.name, got.Status, got.Body, tt.status, tt.code)
		}
	}
	table := l.Table(contract.Sessions)
	out, err := l.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range out.Items {
		if _, ok := it["expires"]; ok {
			t.Errorf("a refused request left %v", it)
		}
	}
	if got := routetest.Do(l.route, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/device_authorization"}, Header: http.Header{}}); got.Status != 405 {
		t.Errorf("GET = %d, want 405", got.Status)
	}
}

// SECURITY.md, storage flood: public clients get a limited number of codes a minute from
// one address. Other clients and addresses are not affected.
func TestFloodOfCodes(t *testing.T) {
	l := newLiving(t)
	l.Time = l.Time.Truncate(time.Minute)
	for i := range throttle.PerMinute {
		if got := routetest.Do(l.route, begin(tvID)); got.Status != 200 {
			t.Fatalf("request %d = %d %s, want 200", i+1, got.Status, got.Body)
		}
	}
	got := routetest.Do(l.route, begin(tvID))
	if got.Status != 429 || got.Error() != "temporarily_unavailable" || got.Header.Get("Retry-After") != "60" || !strings.Contains(l.Log.String(), `"Throttled":1`) {
		t.Errorf("one more = %d %s %v, want 429 with Retry-After 60", got.Status, got.Body, got.Header)
	}
	if got := routetest.Do(l.route, l.asConsole(begin(""))); got.Status != 200 {
		t.Errorf("a client with a secret = %d %s, want 200", got.Status, got.Body)
	}
	l.Pass(time.Minute)
	if got := routetest.Do(l.route, begin(tvID)); got.Status != 200 {
		t.Errorf("a minute later = %d %s, want 200", got.Status, got.Body)
	}
}

func TestOutage(t *testing.T) {
	l := newLiving(t)
	devices := l.devices()
	devices.Sessions = "no-such-table"
	got := routetest.Do(l.with(devices), begin(tvID))
	if got.Status != 503 || got.Error() != "temporarily_unavailable" || strings.Contains(got.Body, "no-such-table") {
		t.Errorf("answer = %d %s, want 503 temporarily_unavailable without detail", got.Status, got.Body)
	}
}

// A page may begin the sign-in of a device, too: any origin reads the answer.
func TestCORS(t *testing.T) {
	l := newLiving(t)
	r := begin(tvID)
	r.Header.Set("Origin", "https://anywhere.example")
	got := routetest.Do(l.route, r)
	if got.Status != 200 || got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("answer = %d %v, want any origin without credentials", got.Status, got.Header)
	}
}

func TestCalls(t *testing.T) {
	l := newLiving(t)
	count := l.Count()
	l.route = l.with(l.devices())
	for _, tt := range []struct {
		name    string
		request *http.Request
		calls   string
	}{
		{"the first of a process", begin(tvID), "GetItem GetItem UpdateItem TransactWriteItems"},
		{"public", begin(tvID), "UpdateItem TransactWriteItems"},
		{"with a secret, the first", l.asConsole(begin("")), "GetItem TransactWriteItems"},
		{"with a secret", l.asConsole(begin("")), "TransactWriteItems"},
		{"a wrong scope", begin(tvID, "scope", "x"), ""},
	} {
		count.Calls = nil
		got := routetest.Do(l.route, tt.request)
		if calls := strings.Join(count.Calls, " "); calls != tt.calls {
			t.Errorf("%s: %d took %q, want %q", tt.name, got.Status, calls, tt.calls)
		}
	}
}
