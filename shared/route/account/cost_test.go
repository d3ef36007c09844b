package account_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// TestCostOfThePage: each part of the page is one call, whatever its size.
// Applications and upstreams are cached for half a minute.
func TestCostOfThePage(t *testing.T) {
	s := newScene(t)
	s.upstream(nil)
	s.Register(client.Client{ID: "orders-app", Name: "Orders"})
	s.Grant(s.ada, "orders-app", "")
	for range 4 {
		s.Grant(s.ada, "gone-app", "")
	}
	for range 3 {
		s.device(s.ada)
		s.Stage.Stage.Login(s.ada)
	}
	s.link(s.ada, "ada-there")
	s.AddApp(s.ada)
	s.Pass(time.Minute + time.Second)
	counter := s.Count()
	s.Route = route(s.Stage)
	show := func(what, want string) {
		t.Helper()
		counter.Calls = nil
		says(t, what, s.Get("/account"), 200, "Recent activity")
		if got := strings.Join(counter.Calls, " "); got != want {
			t.Errorf("%s calls %s, want %s", what, got, want)
		}
	}
	// The login, the user, the last use; passkeys, links, upstreams, the app;
	// sessions, the two applications, the trail.
	show("the first visit", "GetItem GetItem UpdateItem Query Query Query GetItem Query GetItem GetItem Query")
	// An application that was removed is looked up once for each page.
	show("the next one", "GetItem GetItem Query Query GetItem Query GetItem Query")
	s.Pass(upstream.TTL)
	show("half a minute later", "GetItem GetItem Query Query Query GetItem Query GetItem GetItem Query")
}

// TestWeightOfTheFullPage: the page with twenty sessions, ten passkeys and twenty
// activities is within the limit of a page, compressed and with all that it loads.
func TestWeightOfTheFullPage(t *testing.T) {
	s := newScene(t)
	s.upstream(nil)
	for i := range 19 {
		id := fmt.Sprintf("app-%02d", i)
		s.Register(client.Client{ID: id, Name: "Application " + id})
		s.Grant(s.ada, id, "")
	}
	for range 10 {
		s.device(s.ada)
	}
	s.link(s.ada, "ada-there")
	s.enroll()
	for i := range 20 {
		s.happened(audit.Entry{Action: session.ActionLogin, Detail: detail("amr", "pwd otp mfa", "ip", fmt.Sprintf("192.0.%d.0/24", i), "agent", "Firefox on Linux")})
	}
	page := s.Get("/account").Body
	for what, want := range map[string]int{`value="end"`: 19, `value="rename-passkey"`: 10, "Signed in with a password and a code": 20, `value="end-app"`: 19} {
		if got := strings.Count(page, what); got != want {
			t.Errorf("the page has %s %d times, want %d", what, got, want)
		}
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(page)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("the page weighs %d bytes compressed and %d otherwise", packed.Len(), len(page))
	if packed.Len() > 30_000 {
		t.Errorf("the page weighs %d bytes compressed, want at most 30,000", packed.Len())
	}
}
