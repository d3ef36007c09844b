package session_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

func TestACookieFindsItsLogin(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	device := session.NewClientInfo("198.51.100.77:5000", "curl/8.5.0")
	l, cookie := must2(b.CreateLogin(t.Context(), session.NewLogin{
		Subject: subject, AuthTime: b.Clock.Now(), AMR: []string{"pwd", "otp"}, ClientInfo: device,
	}))
	got, err := b.LoginByCookie(t.Context(), cookie)
	if err != nil {
		t.Fatal(err)
	}
	start := b.Clock.Now().Truncate(time.Second)
	if got.ID != l.ID || got.Subject != subject || got.ClientInfo != device || strings.Join(got.AMR, " ") != "pwd otp" ||
		!got.Idle.Equal(start.Add(30*time.Minute)) || !got.Absolute.Equal(start.Add(12*time.Hour)) || !got.AuthTime.Equal(start) {
		t.Errorf("Login = %+v, want what was created: %+v", got, l)
	}
	_, other := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	if other == cookie {
		t.Error("two logins have the same cookie")
	}
}

// The contents of the table are not enough to make a cookie.
func TestLoginNeedsTheSecret(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	l, cookie := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	payload := must(opaque.Read(opaque.LoginCookie, cookie))
	secret := payload[len(payload)-32:]
	hash := sha256.Sum256(secret)
	it := must(b.Raw.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &b.Sessions, Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "sub#" + subject}, "sk": &types.AttributeValueMemberS{Value: "login#" + l.ID},
	}})).Item
	if kept, ok := it["hash"].(*types.AttributeValueMemberB); !ok || string(kept.Value) != string(hash[:]) {
		t.Errorf("hash = %v, want the SHA-256 of the random part", it["hash"])
	}
	for i := range payload {
		forged := append([]byte(nil), payload...)
		forged[i] ^= 1
		if _, err := b.LoginByCookie(t.Context(), opaque.Write(opaque.LoginCookie, forged)); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Login with byte %d changed = %v, want ErrEnded", i, err)
		}
	}
	copy(payload[len(payload)-32:], hash[:])
	if _, err := b.LoginByCookie(t.Context(), opaque.Write(opaque.LoginCookie, payload)); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Login with the hash = %v, want ErrEnded", err)
	}
	none := b.Wire.Count(func() {
		for i := range len(cookie) {
			if _, err := b.LoginByCookie(t.Context(), cookie[:i]); !errors.Is(err, session.ErrEnded) {
				t.Errorf("Login(%q) = %v, want ErrEnded", cookie[:i], err)
			}
		}
	})
	if len(none.Calls) != 0 {
		t.Errorf("truncated cookies took %v, want no call", none)
	}
}

func TestLoginEnds(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	var l *session.Login
	var cookie string
	read := func(after time.Duration, live bool) *session.Login {
		t.Helper()
		b.Clock.Turn(after)
		got, err := b.LoginByCookie(t.Context(), cookie)
		if live != (err == nil) || !live && !errors.Is(err, session.ErrEnded) {
			t.Errorf("Login = %v, want live %v", err, live)
		}
		return got
	}
	l, cookie = must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	read(session.LoginIdle-time.Second, true)
	read(time.Second, false)
	if err := b.Touch(t.Context(), l, session.ClientInfo{}); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Touch of an idle login = %v, want ErrEnded", err)
	}

	_, cookie = must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	for range int(session.LoginLife/(20*time.Minute)) - 1 {
		l = read(20*time.Minute, true)
		if err := b.Touch(t.Context(), l, session.ClientInfo{}); err != nil {
			t.Errorf("Touch = %v", err)
		}
	}
	read(20*time.Minute-time.Second, true)
	read(time.Second, false)

	l, cookie = must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	if ended, err := b.EndLogin(t.Context(), subject, l.ID, session.Cause{Why: session.LoggedOut}); ended != 1 || err != nil {
		t.Errorf("EndLogin = %d, %v, want it ended", ended, err)
	}
	read(0, false)
	b.Clock.Turn(2 * time.Minute)
	if err := b.Touch(t.Context(), l, session.ClientInfo{}); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Touch of an ended login = %v, want ErrEnded: it must not come back", err)
	}
	read(0, false)
}

// A use is written at most once a minute.
func TestTouch(t *testing.T) {
	b := sessiontest.New(t)
	l, cookie := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: b.User()}))
	train := session.NewClientInfo("192.0.2.1", "")
	calls := b.Wire.Count(func() {
		for range 121 {
			if err := b.Touch(t.Context(), l, train); err != nil {
				t.Fatal(err)
			}
			b.Clock.Turn(time.Second)
		}
	})
	if len(calls.Calls) != 2 || calls.Write != 2 {
		t.Errorf("121 uses in two minutes took %v, want 2 writes", calls)
	}
	got := must(b.LoginByCookie(t.Context(), cookie))
	if want := b.Clock.Now().Add(-time.Second).Truncate(time.Second); !got.Used.Equal(want) || got.ClientInfo != train || !got.Idle.Equal(want.Add(session.LoginIdle)) {
		t.Errorf("Login = %+v, want used %v from %v", got, want, train)
	}
}
