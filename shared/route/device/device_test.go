package device_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	domain "github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/route/device"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

func TestAllow(t *testing.T) {
	l := newLiving(t)
	codes := l.start(tvID)
	l.Pass(2 * time.Minute)
	got := l.try(strings.ToLower(string(codes.User)))
	if got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Location") != "" {
		t.Fatalf("answer = %d %v, want a page", got.Status, got.Header)
	}
	for _, want := range []string{
		"<h1>Allow tv to access your account?</h1>", "<b>ada</b>", "Sign you in and recognize you", "Keep this access while you are away", "<h2>" + routetest.Orders + "</h2>",
		"<li>orders:read</li>", "Television", "198.51.100.0/24", "2 minutes ago", "<code>" + codes.User.String() + "</code>",
	} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("the question lacks %s:\n%s", want, got.Body)
		}
	}
	if strings.Contains(got.Body, "orders:write") || strings.Contains(got.Body, "198.51.100.9") || strings.Contains(got.Body, codes.Device) {
		t.Errorf("the question says too much:\n%s", got.Body)
	}
	if err := l.poll(codes); !errors.Is(err, domain.ErrPending) {
		t.Errorf("before the answer the device polls %v, want pending", err)
	}
	got = l.browser.Post("/device", answered(pagetest.Forms(got.Body)[0], web.Allow))
	if got.Status != 303 || got.Header.Get("Location") != "/device?done=allow" {
		t.Fatalf("answer = %d %v, want 303", got.Status, got.Header)
	}
	request, err := l.devices().Poll(t.Context(), codes.Device, tvID)
	if err != nil || request.Subject != l.Ada || request.Login != l.login.ID || request.AuthGen != l.login.AuthGen ||
		!request.AuthTime.Equal(l.login.AuthTime) || !request.LoginEnds.Equal(l.login.Absolute) || len(request.AMR) != 1 || request.AMR[0] != "pwd" {
		t.Errorf("Poll = %+v, %v, want ada's sign-in", request, err)
	}
	if got := l.browser.Get("/device?done=allow"); got.Status != 200 || !strings.Contains(got.Body, web.DeviceDone(true).Title) {
		t.Errorf("afterwards = %d %s, want it said", got.Status, got.Body)
	}
	if n := l.Entries(domain.ActionApprove); n != 1 {
		t.Errorf("the trail has %d approvals, want 1", n)
	}
	if log := l.Log.String(); strings.Contains(log, string(codes.User)) || strings.Contains(log, codes.User.String()) || !strings.Contains(log, l.login.ID) {
		t.Errorf("log = %s, want the login and no code", log)
	}
}

func TestDeny(t *testing.T) {
	l := newLiving(t)
	codes := l.start(tvID)
	got := l.browser.Post("/device", answered(l.asked(codes), web.Deny))
	if got.Status != 303 || got.Header.Get("Location") != "/device?done=deny" {
		t.Fatalf("answer = %d %v, want 303", got.Status, got.Header)
	}
	if err := l.poll(codes); !errors.Is(err, domain.ErrDenied) {
		t.Errorf("the device polls %v, want denied", err)
	}
	if got := l.browser.Get("/device?done=deny"); got.Status != 200 || !strings.Contains(got.Body, web.DeviceDone(false).Title) {
		t.Errorf("afterwards = %d %s, want it said", got.Status, got.Body)
	}
	if n := l.Entries(domain.ActionDeny); n != 1 {
		t.Errorf("the trail has %d denials, want 1", n)
	}
}

// RFC 8628 §5.4: a link with the code in it fills in the form, and that is all it
// does.
func TestLinkApprovesNothing(t *testing.T) {
	l := newLiving(t)
	codes := l.start(tvID)
	for _, link := range []string{
		"/device?user_code=" + codes.User.String(),
		"/device?user_code=" + strings.ToLower(string(codes.User)),
		"/device?user_code=" + codes.User.String() + "&decision=allow&done=",
	} {
		got := l.browser.Get(link)
		if got.Status != 200 || !strings.Contains(got.Body, `value="`+codes.User.String()+`"`) || question(got) || strings.Contains(got.Body, "Let tv in") {
			t.Errorf("GET %s = %d %s, want the form with the code, and no question", link, got.Status, got.Body)
		}
		if err := l.poll(codes); !errors.Is(err, domain.ErrPending) {
			t.Errorf("after GET %s the device polls %v, want pending", link, err)
		}
		l.Pass(time.Minute)
	}
	for _, junk := range []string{"<b>", "BCDF", `"onfocus="alert(1)`, strings.Repeat("B", 5000)} {
		got := l.browser.Get("/device?user_code=" + url.QueryEscape(junk))
		if got.Status != 200 || !strings.Contains(got.Body, `value=""`) {
			t.Errorf("GET with the code %.20q = %d %s, want an empty form", junk, got.Status, got.Body)
		}
	}
}

// The user signs in first, and the code is in the return address of /login.
func TestSignInFirst(t *testing.T) {
	l := newLiving(t)
	codes := l.start(tvID)
	form := answered(l.asked(codes), web.Allow)
	want := "/login?return=" + url.QueryEscape("/device?user_code="+codes.User.String())
	for name, ask := range map[string]func(*pagetest.Browser) routetest.Answer{
		"a link": func(b *pagetest.Browser) routetest.Answer { return b.Get("/device?user_code=" + string(codes.User)) },
		"a code": func(b *pagetest.Browser) routetest.Answer {
			return b.Post("/device", url.Values{"user_code": {codes.User.String()}})
		},
		"an answer":  func(b *pagetest.Browser) routetest.Answer { return b.Post("/device", form) },
		"a bare one": func(b *pagetest.Browser) routetest.Answer { return b.Get("/device") },
		"junk":       func(b *pagetest.Browser) routetest.Answer { return b.Get("/device?user_code=//evil.example") },
	} {
		to := want
		if name == "a bare one" || name == "junk" {
			to = "/login?return=%2Fdevice"
		}
		for cookie, value := range map[string]string{"no": "", "a wrong": "junk"} {
			b := pagetest.Open(l.route, value)
			got := ask(b)
			if got.Status != 303 || got.Header.Get("Location") != to || b.Cookies[websec.SessionCookie] != "" {
				t.Errorf("%s with %s cookie = %d to %s, want 303 to %s", name, cookie, got.Status, got.Header.Get("Location"), to)
			}
		}
	}
	disable := admin.Disabled()
	if _, err := l.Sessions().ChangeUser(t.Context(), l.Ada, disable, session.Cause{Why: session.Disabled, Actor: "op"}); err != nil {
		t.Fatal(err)
	}
	if got := l.browser.Post("/device", form); got.Status != 303 || got.Header.Get("Location") != want {
		t.Errorf("answer of somebody who is disabled = %d to %s, want 303 to the sign-in", got.Status, got.Header.Get("Location"))
	}
	if err := l.poll(codes); !errors.Is(err, domain.ErrPending) {
		t.Errorf("the device polls %v, want pending", err)
	}
}

// The question names the client in plain words.
func TestWhoAsks(t *testing.T) {
	l := newLiving(t)
	l.device("named", func(c *client.Client) { c.Name = "Orders <TV>" })
	l.device("third", func(c *client.Client) { c.Name, c.FirstParty = "Somebody's TV", false })
	const document = "https://tools.example.org/client.json"
	self := func(id, name string) *client.Client {
		c := l.Client("self")
		c.ID, c.Name, c.FirstParty, c.SelfRegistered, c.Access = id, name, false, true, nil
		c.Grants = []string{"urn:ietf:params:oauth:grant-type:device_code"}
		return &c
	}
	h := l.handler()
	h.Clients.Documents = clientOf(self(document, "Tools"))
	h.Clients.Registered = clientOf(self("tsd_x", ""))
	l.browser = pagetest.Open(l.Route(contract.Device, h), l.cookie)
	for _, tt := range []struct {
		client   string
		has, not []string
	}{
		{"named", []string{"Orders &lt;TV&gt;"}, []string{"registered", "somebody else"}},
		{"third", []string{"Somebody&#39;s TV", "This application belongs to a third party."}, []string{"registered itself", `class="problem"`}},
		{document, []string{"Allow Tools to sign you in?", "registered itself and chose its name", "belongs to <b>tools.example.org</b>"}, []string{"client.json", `class="problem"`, "orders:read"}},
		{"tsd_x", []string{"Unnamed application", "registered itself"}, []string{"tsd_x", "It belongs to"}},
	} {
		got := l.try(l.start(tt.client).User.String())
		if !question(got) {
			t.Errorf("%s: answer = %d %s, want the question", tt.client, got.Status, got.Body)
			continue
		}
		for _, want := range tt.has {
			if !strings.Contains(got.Body, want) {
				t.Errorf("%s: the question lacks %q:\n%s", tt.client, want, got.Body)
			}
		}
		for _, unwanted := range tt.not {
			if strings.Contains(got.Body, unwanted) {
				t.Errorf("%s: the question has %q in it:\n%s", tt.client, unwanted, got.Body)
			}
		}
	}
}

// When the page cannot be made the user gets an error page and stays signed in.
func TestOutageIsAPage(t *testing.T) {
	l := newLiving(t)
	form := l.typed(l.browser, l.start(tvID).User.String())
	for name, spoil := range map[string]func(*device.Handler){
		"sessions": func(h *device.Handler) { h.Browser.Sessions.Sessions = "no-such-table" },
		"people":   func(h *device.Handler) { h.Browser.Users.Registry = "no-such-table" },
		"throttle": func(h *device.Handler) { h.Throttle.Sessions = "no-such-table" },
		"devices":  func(h *device.Handler) { h.Devices.Sessions = "no-such-table" },
		"clients":  func(h *device.Handler) { h.Clients.Table = "no-such-table" },
	} {
		h := l.handler()
		spoil(h)
		b := pagetest.Open(l.Route(contract.Device, h), l.cookie)
		b.Cookies[websec.FormCookie] = l.browser.Cookies[websec.FormCookie]
		got := b.Post("/device", form)
		if got.Status != 503 || !strings.Contains(got.Body, "<h1>") || strings.Contains(got.Body, "no-such-table") || b.Cookies[websec.SessionCookie] == "" {
			t.Errorf("without %s: answer = %d %s, want 503 as a page", name, got.Status, got.Body)
		}
	}
	if got := l.browser.Post("/device", form); !question(got) {
		t.Errorf("afterwards = %d %s, want the question", got.Status, got.Body)
	}
}

func TestThePageIsOurs(t *testing.T) {
	l := newLiving(t)
	got := l.browser.Get("/device")
	csp := got.Header.Get("Content-Security-Policy")
	if got.Header.Get("Access-Control-Allow-Origin") != "" || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.HasSuffix(csp, "form-action 'self'") {
		t.Errorf("headers = %v, want no CORS, no frames, and forms to us", got.Header)
	}
	r := routetest.Form("/device", url.Values{})
	r.Method = http.MethodDelete
	if got := routetest.Do(l.route, r); got.Status != 405 || !strings.Contains(got.Header.Get("Content-Type"), "text/html") {
		t.Errorf("DELETE = %d %v, want 405 as a page", got.Status, got.Header)
	}
}
