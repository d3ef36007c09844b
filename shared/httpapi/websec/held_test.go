package websec_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/keys"
)

// What a process of release 0.1.0 (commit d46abca) made at heldTime for a form with
// the purpose "login", and its MAC key.
const (
	heldKeyID  = "ZO5ZUNFN"
	heldKey    = "0e2616da14115614ae8875c4908f913435988ede9fd96c607a46c3d3d70780e7"
	heldToken  = "ZO5ZUNFN.mwrsbk6y.h0Eg2ne-6BZo63APK--HKgD90amHEy59qSG5-VWMF7g"
	heldCookie = "7DR6V33JCDIIKMQC6QC26PVQMZ"
)

var heldTime = time.Date(2026, 11, 22, 12, 0, 0, 250e6, time.UTC)

func newHeldStage(tb testing.TB) *stage {
	tb.Helper()
	key, err := hex.DecodeString(heldKey)
	if err != nil {
		tb.Fatal(err)
	}
	s := &stage{now: heldTime, document: &keys.Document{MAC: []*keys.MACKey{{ID: heldKeyID, State: keys.Active, Key: key}}}}
	s.Forms = &websec.Forms{
		Key: func(_ context.Context, id string) (*keys.MACKey, error) { return s.document.MACKey(id) },
		Now: func(context.Context) time.Time { return s.now },
	}
	return s
}

// A form that was open while the stage was updated can be sent.
func TestHeldForm(t *testing.T) {
	s := newHeldStage(t)
	s.now = heldTime.Add(websec.FormLife)
	if err := s.send(t, "login", heldCookie, heldToken); err != nil {
		t.Errorf("Check = %v, want nil", err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", websec.FormCookie+"="+heldCookie)
	if made, err := s.Made(t.Context(), r, "login", heldToken); err != nil || !made.Equal(heldTime) {
		t.Errorf("Made = %v, %v, want %v", made, err, heldTime)
	}
	s.now = s.now.Add(time.Second)
	if err := s.send(t, "login", heldCookie, heldToken); !errors.Is(err, websec.ErrForm) {
		t.Errorf("Check after FormLife = %v, want ErrForm", err)
	}
}

func TestHeldFormChanged(t *testing.T) {
	s := newHeldStage(t)
	refuse := func(what, purpose, cookie, token string) {
		t.Helper()
		if err := s.send(t, purpose, cookie, token); !errors.Is(err, websec.ErrForm) {
			t.Errorf("%s: Check(%q) = %v, want ErrForm", what, token, err)
		}
	}
	refuse("another purpose", "logout", heldCookie, heldToken)
	refuse("another browser", "login", heldCookie[1:]+"A", heldToken)
	refuse("no browser", "login", "", heldToken)
	for i := range heldToken {
		other := byte('1')
		if heldToken[i] == other {
			other = '2'
		}
		refuse("cut", "login", heldCookie, heldToken[:i])
		refuse("without its beginning", "login", heldCookie, heldToken[i+1:])
		refuse("changed", "login", heldCookie, heldToken[:i]+string(other)+heldToken[i+1:])
		refuse("a dot more", "login", heldCookie, heldToken[:i]+"."+heldToken[i:])
	}
	s.document.MAC[0].Key = []byte("a key of another stage")
	refuse("another stage", "login", heldCookie, heldToken)
	down := errors.New("the secret cannot be read")
	s.Key = func(context.Context, string) (*keys.MACKey, error) { return nil, down }
	if err := s.send(t, "login", heldCookie, heldToken); !errors.Is(err, down) || errors.Is(err, websec.ErrForm) {
		t.Errorf("Check without keys = %v, want %v", err, down)
	}
}

// The tokens in forms are those of the present layout.
func TestNothingWritesHeldForms(t *testing.T) {
	s := newHeldStage(t)
	token, _ := s.open(t, "login", heldCookie)
	if token == heldToken || strings.Contains(token, ".") {
		t.Errorf("the token is %q, as in 0.1.0", token)
	}
}

// FuzzForm sends any text: only the two tokens of this time are good.
func FuzzForm(f *testing.F) {
	s := newHeldStage(f)
	f.Add("")
	f.Add("..")
	f.Add(heldToken + ".")
	f.Add(heldKeyID + ".zzzzzzzzzzzzzzzzz.x")
	f.Add("AVpPNVpVTkZOAAABogMgovpXBqyr")
	f.Fuzz(func(t *testing.T, token string) {
		good, _ := s.open(t, "login", heldCookie)
		err := s.send(t, "login", heldCookie, token)
		if err == nil && token != good && token != heldToken || err != nil && !errors.Is(err, websec.ErrForm) {
			t.Errorf("Check(%q) = %v", token, err)
		}
	})
}
