package userauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// with is a request with a session cookie, or with none for "".
func with(value string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if value != "" {
		r.AddCookie(&http.Cookie{Name: websec.SessionCookie, Value: value})
	}
	return r
}

// write changes an item of the user of a stage behind all stores.
func write(t *testing.T, h *routetest.Home, w dynamo.Write) {
	t.Helper()
	if err := (dynamo.Tx{w}).Run(t.Context(), h.DB); err != nil {
		t.Fatal(err)
	}
}

// user is a change of the user's item.
func user(h *routetest.Home, c dynamo.Changes) dynamo.Write {
	return dynamo.Update(h.Table(contract.Registry), dynamo.UserKey(h.Ada), c)
}

// TestWhoIsSignedIn: a user is signed in if the session of the cookie is live and the
// user is as they were at the sign-in.
func TestWhoIsSignedIn(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*testing.T, *routetest.Home, *session.Login)
		// session reports whether there is a session, and user whether it is one of a
		// user who may use it.
		session, user bool
	}{
		"live": {func(*testing.T, *routetest.Home, *session.Login) {}, true, true},
		"ended": {func(t *testing.T, h *routetest.Home, l *session.Login) {
			t.Helper()
			if _, err := h.Sessions().EndLogin(t.Context(), l.Subject, l.ID, session.Cause{Why: session.Revoked}); err != nil {
				t.Fatal(err)
			}
		}, false, false},
		"not used for too long": {func(_ *testing.T, h *routetest.Home, _ *session.Login) { h.Pass(session.LoginIdle + time.Second) }, false, false},
		"the user is disabled": {func(t *testing.T, h *routetest.Home, _ *session.Login) {
			t.Helper()
			write(t, h, user(h, dynamo.Changes{Set: dynamo.Item{dynamo.AttrDisabled: dynamo.Flag(true)}}))
		}, true, false},
		"all sessions are about to end": {func(t *testing.T, h *routetest.Home, _ *session.Login) {
			t.Helper()
			write(t, h, user(h, dynamo.Changes{Raise: []string{dynamo.AttrAuthGen}}))
		}, true, false},
		"the user is gone": {func(t *testing.T, h *routetest.Home, _ *session.Login) {
			t.Helper()
			write(t, h, dynamo.Delete(h.Table(contract.Registry), dynamo.UserKey(h.Ada)))
		}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := routetest.Furnish(t)
			l, value := h.Login(h.Ada)
			tt.change(t, h, l)
			b, r := h.Browser(), with(value)
			found, err := b.Optional(r)
			if err != nil || (found != nil) != tt.session {
				t.Errorf("Optional = %v, %v; want a session: %t", found, err, tt.session)
			}
			found, err = b.Require(r)
			if tt.session != (err == nil) || err != nil && !errors.Is(err, userauth.ErrSignedOut) {
				t.Fatalf("Require = %v, %v; want a session: %t", found, err, tt.session)
			}
			if !tt.session {
				return
			}
			if found.ID != l.ID || found.Subject != h.Ada {
				t.Errorf("Require = %+v, want the session of the cookie", found)
			}
			u, err := b.User(t.Context(), found)
			if tt.user != (err == nil) || err != nil && !errors.Is(err, userauth.ErrSignedOut) {
				t.Errorf("User = %v, %v; want a user: %t", u, err, tt.user)
			}
		})
	}
}

// TestNoSessionOfAnotherCookie: a text that is no session cookie costs no call, and an
// outage is no verdict on a session.
func TestNoSessionOfAnotherCookie(t *testing.T) {
	h := routetest.Furnish(t)
	_, value := h.Login(h.Ada)
	calls := h.Count()
	b := h.Browser()
	twice := with(value)
	twice.AddCookie(&http.Cookie{Name: websec.SessionCookie, Value: value})
	for name, r := range map[string]*http.Request{"none": with(""), "made up": with("tsl_x"), "twice": twice} {
		if l, err := b.Optional(r); l != nil || err != nil {
			t.Errorf("%s: Optional = %v, %v", name, l, err)
		}
		if l, err := b.Require(r); l != nil || !errors.Is(err, userauth.ErrSignedOut) {
			t.Errorf("%s: Require = %v, %v; want ErrSignedOut", name, l, err)
		}
	}
	if len(calls.Calls) != 0 {
		t.Errorf("calls = %v, want none", calls.Calls)
	}
	b.Sessions.Sessions = "no-such-table"
	if l, err := b.Optional(with(value)); l != nil || err == nil || errors.Is(err, userauth.ErrSignedOut) {
		t.Errorf("without the table Optional = %v, %v; want an error that signs no user out", l, err)
	}
}

// TestUseIsNotedOnceAMinute: looking costs one read, and using one write a minute.
func TestUseIsNotedOnceAMinute(t *testing.T) {
	h := routetest.Furnish(t)
	l, value := h.Login(h.Ada)
	calls := h.Count()
	b := h.Browser()
	for _, tt := range []struct {
		pass time.Duration
		want []string
	}{
		{0, []string{"GetItem"}},
		{time.Minute, []string{"GetItem", "UpdateItem"}},
		{time.Second, []string{"GetItem"}},
		{time.Minute, []string{"GetItem", "UpdateItem"}},
	} {
		h.Pass(tt.pass)
		calls.Calls = nil
		found, err := b.Require(with(value))
		if err == nil {
			err = b.Use(with(value), found)
		}
		if err != nil || !slices.Equal(calls.Calls, tt.want) {
			t.Errorf("%v later: %v, calls = %v, want %v", tt.pass, err, calls.Calls, tt.want)
		}
	}
	h.Pass(2 * time.Minute)
	found, err := b.Require(with(value))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Sessions().EndLogin(t.Context(), l.Subject, l.ID, session.Cause{Why: session.Revoked}); err != nil {
		t.Fatal(err)
	}
	if err := b.Use(with(value), found); !errors.Is(err, userauth.ErrSignedOut) {
		t.Errorf("Use of a session that ended meanwhile = %v, want ErrSignedOut", err)
	}
}

// TestEndForgetsTheCookie: the session ends and the browser forgets it.
func TestEndForgetsTheCookie(t *testing.T) {
	h := routetest.Furnish(t)
	l, value := h.Login(h.Ada)
	w := httptest.NewRecorder()
	if err := h.Browser().End(w, with(value), l); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Browser().Require(with(value)); !errors.Is(err, userauth.ErrSignedOut) {
		t.Errorf("afterwards Require = %v, want ErrSignedOut", err)
	}
	if got := w.Result().Cookies(); len(got) != 1 || got[0].Name != websec.SessionCookie || got[0].MaxAge >= 0 {
		t.Errorf("cookies = %v, want the session cookie cleared", got)
	}
	w = httptest.NewRecorder()
	userauth.Forget(w, with(""))
	if got := w.Result().Cookies(); len(got) != 0 {
		t.Errorf("Forget without a cookie sets %v", got)
	}
}

func TestFreshForTenMinutes(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for ago, want := range map[time.Duration]bool{0: true, httpapi.FreshAuthentication: true, httpapi.FreshAuthentication + time.Second: false} {
		if got := userauth.Fresh(now.Add(-ago), now); got != want {
			t.Errorf("a sign-in of %v ago is fresh: %t, want %t", ago, got, want)
		}
	}
}

// TestOneOwnerOfTheSessionCookie: no other package reads, sets or clears the cookie,
// finds a session by it, or notes its use.
func TestOneOwnerOfTheSessionCookie(t *testing.T) {
	foreign := regexp.MustCompile(`websec\.SessionCookie|\.LoginByCookie\(|\.Touch\(|"__Host-sid"`)
	files := 0
	for _, root := range []string{"..", "../../route", "../../task", "../../wire"} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if path == "../userauth" || strings.HasSuffix(path, "test") && path != ".." {
					return filepath.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || path == "../websec/cookie.go" {
				return nil
			}
			files++
			source, err := os.ReadFile(path)
			if found := foreign.Find(source); found != nil {
				t.Errorf("%s has %s, which is for package userauth", path, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 {
		t.Errorf("%d files were read: the folders are not where this test looks", files)
	}
}

// handler is a function as a handler.
type handler func(w http.ResponseWriter, r *http.Request) error

func (h handler) Serve(w http.ResponseWriter, r *http.Request) error { return h(w, r) }

// TestSessionIsInTheLog: a request that requires or uses a session names it in its log
// line, and one that only looks does not.
func TestSessionIsInTheLog(t *testing.T) {
	h := routetest.Furnish(t)
	l, value := h.Login(h.Ada)
	b := h.Browser()
	for name, tt := range map[string]struct {
		serve handler
		noted bool
	}{
		"optional": {func(_ http.ResponseWriter, r *http.Request) error { _, err := b.Optional(r); return err }, false},
		"require":  {func(_ http.ResponseWriter, r *http.Request) error { _, err := b.Require(r); return err }, true},
		"use":      {func(_ http.ResponseWriter, r *http.Request) error { return b.Use(r, l) }, true},
	} {
		h.Log.Reset()
		routetest.Do(h.Route(contract.Account, tt.serve), with(value))
		noted := strings.Contains(h.Log.String(), `"sub":"`+h.Ada+`"`) && strings.Contains(h.Log.String(), `"sid":"`+l.ID+`"`)
		if noted != tt.noted || strings.Contains(h.Log.String(), value) {
			t.Errorf("%s: log = %s, want the session noted: %t, and never the cookie", name, &h.Log, tt.noted)
		}
	}
}
