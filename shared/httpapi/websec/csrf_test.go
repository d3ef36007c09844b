package websec_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// stage is forms with a ring of keys and a clock.
type stage struct {
	*websec.Forms
	document *keys.Document
	now      time.Time
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	var err error
	if s.document, err = keys.Generate(s.now); err != nil {
		t.Fatal(err)
	}
	s.Forms = &websec.Forms{
		Key: func(_ context.Context, id string) (*keys.MACKey, error) { return s.document.MACKey(id) },
		Now: func(context.Context) time.Time { return s.now },
	}
	return s
}

// open opens a form in a browser that has a cookie, or none, and returns the
// token with the cookie that the browser has now.
func (s *stage) open(t *testing.T, purpose, cookie string) (token, now string) {
	t.Helper()
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	if cookie != "" {
		r.Header.Set("Cookie", websec.FormCookie+"="+cookie)
	}
	token, err := s.Token(t.Context(), w, r, purpose)
	if err != nil {
		t.Fatal(err)
	}
	return token, (&http.Response{Header: w.Header()}).Cookies()[0].Value
}

func (s *stage) send(t *testing.T, purpose, cookie, token string) error {
	t.Helper()
	r := httptest.NewRequest("POST", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", websec.FormCookie+"="+cookie)
	}
	return s.Check(t.Context(), r, purpose, token)
}

func TestForms(t *testing.T) {
	s := newStage(t)
	token, cookie := s.open(t, "login", "")
	second, same := s.open(t, "login", cookie)
	if same != cookie {
		t.Errorf("a second tab got the cookie %q, want the first one's", same)
	}
	for name, sent := range map[string]string{"the form": token, "again": token, "the other tab": second} {
		if err := s.send(t, "login", cookie, sent); err != nil {
			t.Errorf("%s: Check = %v, want nil", name, err)
		}
	}
	s.now = s.now.Add(websec.FormLife)
	if err := s.send(t, "login", cookie, token); err != nil {
		t.Errorf("Check after FormLife = %v, want nil", err)
	}
}

// Each case is an attacker with one part of what a form needs.
func TestForgedForms(t *testing.T) {
	s := newStage(t)
	token, cookie := s.open(t, "login", "")
	others, other := s.open(t, "login", "")
	if other == cookie {
		t.Fatal("two browsers share a cookie")
	}
	logout, _ := s.open(t, "logout", cookie)
	value, err := opaque.Decode(token)
	if err != nil {
		t.Fatal(err)
	}
	// The layout: a version, the id of the key, the time, the MAC.
	changed := func(at int, with string) string {
		return opaque.Encode(append(append(bytes.Clone(value[:at]), with...), value[at+len(with):]...))
	}
	tests := []struct{ name, purpose, cookie, token string }{
		{"no token", "login", cookie, ""},
		{"no cookie", "login", "", token},
		{"the attacker's token", "login", cookie, others},
		{"the attacker's cookie", "login", other, token},
		{"another form of this browser", "login", cookie, logout},
		{"another form", "logout", cookie, token},
		{"a later time", "login", cookie, changed(16, string(value[16]+1))},
		{"no MAC", "login", cookie, opaque.Encode(value[:17])},
		{"the MAC cut", "login", cookie, opaque.Encode(value[:len(value)-1])},
		{"the text cut", "login", cookie, token[:len(token)-1]},
		{"a line end", "login", cookie, token + "\n"},
		{"another spelling", "login", cookie, token + "="},
		{"an unknown key", "login", cookie, changed(1, "AAAAAAAA")},
		{"purpose and cookie moved", "log", "in" + cookie, token},
		{"a dot", "login", cookie, "."},
		{"two dots", "login", cookie, ".."},
		{"more", "login", cookie, token + "."},
		{"the cookie as a token", "login", cookie, cookie},
		{"a cookie with a separator", "login", cookie + "\x00x", token},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := s.send(t, tt.purpose, tt.cookie, tt.token); !errors.Is(err, websec.ErrForm) {
				t.Errorf("Check(%q) = %v, want ErrForm", tt.token, err)
			}
		})
	}
}

func TestFormsEnd(t *testing.T) {
	s := newStage(t)
	token, cookie := s.open(t, "login", "")
	s.now = s.now.Add(-2 * time.Minute)
	if err := s.send(t, "login", cookie, token); !errors.Is(err, websec.ErrForm) {
		t.Errorf("Check of a form from the future = %v, want ErrForm", err)
	}
	s.now = s.now.Add(2*time.Minute + websec.FormLife + time.Second)
	if err := s.send(t, "login", cookie, token); !errors.Is(err, websec.ErrForm) {
		t.Errorf("Check after more than FormLife = %v, want ErrForm", err)
	}
}

// A rotation of the keys does not disturb a form that is open.
func TestFormsOutliveARotation(t *testing.T) {
	s := newStage(t)
	s.now = s.now.Add(4 * time.Hour)
	token, cookie := s.open(t, "login", "")
	next, err := s.document.Advance(s.now)
	if err != nil {
		t.Fatal(err)
	}
	s.document = next
	if fresh, _ := s.open(t, "login", cookie); fresh[:12] == token[:12] {
		t.Error("the new form is under the old key")
	}
	if err := s.send(t, "login", cookie, token); err != nil {
		t.Errorf("Check after a rotation = %v, want nil", err)
	}
}

// A token tells when it was made, and a changed time makes it invalid.
func TestFormsTellTheTime(t *testing.T) {
	s := newStage(t)
	s.now = s.now.Add(345 * time.Millisecond)
	token, cookie := s.open(t, "since", "")
	made, r := s.now, httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", websec.FormCookie+"="+cookie)
	s.now = s.now.Add(10 * time.Minute)
	if got, err := s.Made(t.Context(), r, "since", token); err != nil || !got.Equal(made) {
		t.Errorf("Made = %v, %v, want %v", got, err, made)
	}
	forged, err := opaque.Decode(token)
	if err != nil {
		t.Fatal(err)
	}
	forged[16]++
	if got, err := s.Made(t.Context(), r, "since", opaque.Encode(forged)); !errors.Is(err, websec.ErrForm) || !got.IsZero() {
		t.Errorf("Made of a token with another time = %v, %v, want ErrForm", got, err)
	}
}

// Two tokens in one answer are for one browser, although it has no cookie yet.
func TestTwoFormsOfOneAnswer(t *testing.T) {
	s := newStage(t)
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	var tokens []string
	for _, purpose := range []string{"a", "b"} {
		token, err := s.Token(t.Context(), w, r, purpose)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	cookies := (&http.Response{Header: w.Header()}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("the answer sets %v, want one cookie", cookies)
	}
	for i, purpose := range []string{"a", "b"} {
		if err := s.send(t, purpose, cookies[0].Value, tokens[i]); err != nil {
			t.Errorf("Check of form %s = %v, want nil", purpose, err)
		}
	}
}

// A token that has the right length and names the right key is refused for
// each bit that differs.
func TestChangedForms(t *testing.T) {
	s := newHeldStage(t)
	token, cookie := s.open(t, "login", "")
	value, err := opaque.Decode(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(value) * 8 {
		forged := bytes.Clone(value)
		forged[i/8] ^= 1 << (i % 8)
		if err := s.send(t, "login", cookie, opaque.Encode(forged)); !errors.Is(err, websec.ErrForm) {
			t.Errorf("Check with bit %d changed = %v, want ErrForm", i, err)
		}
	}
}

// An outage of the keys is no verdict on a form.
func TestFormsWithoutKeys(t *testing.T) {
	s := newStage(t)
	token, cookie := s.open(t, "login", "")
	down := errors.New("the secret cannot be read")
	s.Key = func(context.Context, string) (*keys.MACKey, error) { return nil, down }
	if err := s.send(t, "login", cookie, token); !errors.Is(err, down) || errors.Is(err, websec.ErrForm) {
		t.Errorf("Check = %v, want %v", err, down)
	}
}
