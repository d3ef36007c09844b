package session_test

import (
	"context"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// What a process of release 0.1.0 (commit d46abca) made at noon, and its MAC key.
const (
	heldKeyID = "ZO5ZUNFN"
	heldKey   = "0e2616da14115614ae8875c4908f913435988ede9fd96c607a46c3d3d70780e7"
	// heldToken is of generation 7 of the grant, heldNext of the one after it.
	heldToken  = "tsr_AVpPNVpVTkZODGV1LWNlbnRyYWwtMR51c3JfMDFLOEQzRjBWOFMyTTVaQzdRNFc5WEpUUkEBmho3g2jIqF-w9ycT2WsLAAAAByCPW9BY6qqPfyPBhNyV_EyuZ0Ul7N1kD-Mn8X6CaRYe4Mb8qN"
	heldNext   = "tsr_AVpPNVpVTkZODGV1LWNlbnRyYWwtMR51c3JfMDFLOEQzRjBWOFMyTTVaQzdRNFc5WEpUUkEBmho3g2jIqF-w9ycT2WsLAAAACAeyTk0_nQLnkByEkVIsoJ3dJbURdl2hbljt1wF8ZPwO0bIOWP"
	heldCode   = "tsc_AVpPNVpVTkZOTgfOXmWOf-t7h2IE_PCRz9PWv1L3y5keDhpYfXhl-rxHmaxQB6lDpjsMJOTVrIshSxYUVrEvLd2EHuGcAloW0zHfIoK1B64ThmLjnOHpEGKh1Oj9lyGeBDSdKSxaV5TnGQnO2pNGsmyDrwwX9PMP5mB2itqDi7AqQsUgrCAj0Alk8R06ykbnKAOeYuqnklKrg9TL-FuBazEP2ArBhL1kbRHBCoFfNVdTAZpnulfGrrA44kKvLa1r-6l8Nmir1LvY9lhdiSLUk8AdZVxudOZCCwONjD17QbMxlPjDiVhej-AcT5jkZusqyRBJlRCbU2lGYrzk8XNQCxlyaBkcb7uO8jAVZUl4VMdSUSWq78Fx1MVzsqFNw-5lXYrBuV8Vr61zhIjEtOQlT39GBdclHFI0MaTVFbF31_C6mTRUlNp9K3TkL48BRVfH36Tn1oy29SDEqr8avC_z8mQ-UtAmFPacX7fuY7k1L9TlT"
	heldCookie = "tsi_gR51c3JfMDFNODFKMThRVDFXUlBTUEJQMDQyWVhCQVEBogMgovq2gsAQLvbqnrcKiDVdsAqo6BAq93u1ImDbnYpW5r3X5n4AYbiuBsMuCe41gaC25"
	heldHash   = "9caddf6391c371cd7c4504b6fb7defaa87852a8f58d0ca88ec945a257d795147"
)

// heldKeys has the one key.
func heldKeys(tb testing.TB) func(context.Context, string) (*keys.MACKey, error) {
	tb.Helper()
	key := &keys.MACKey{ID: heldKeyID, State: keys.Active, Key: must(hex.DecodeString(heldKey))}
	d := &keys.Document{MAC: []*keys.MACKey{key}}
	return func(_ context.Context, id string) (*keys.MACKey, error) { return d.MACKey(id) }
}

// Both releases write the same tokens, byte for byte: a token is read, its successor
// is the same, and while both releases answer side by side each takes the tokens of
// the other. So no user is signed out by an update, nor by a rollback.
func TestHeldTokens(t *testing.T) {
	h := &session.Handles{Keys: heldKeys(t), Region: "eu-central-1"}
	want := session.Handle{Subject: subject, Grant: grant, Generation: 7, Region: "eu-central-1", KeyID: heldKeyID}
	got, err := h.Parse(t.Context(), heldToken)
	if err != nil || got != want {
		t.Fatalf("Parse = %+v, %v, want %+v", got, err, want)
	}
	for range 2 {
		if next, err := h.Next(t.Context(), got); err != nil || next != heldNext {
			t.Errorf("Next = %q, %v, want what 0.1.0 wrote: %q", next, err, heldNext)
		}
	}
	if minted, err := h.Mint(t.Context(), subject, grant, 7); err != nil || minted != heldToken {
		t.Errorf("Mint = %q, %v, want what 0.1.0 wrote: %q", minted, err, heldToken)
	}
}

func TestHeldTokensChanged(t *testing.T) {
	h := &session.Handles{Keys: heldKeys(t), Region: "eu-central-1"}
	payload := must(opaque.Read(opaque.RefreshToken, heldToken))
	refuse := func(what, text string) {
		t.Helper()
		if got, err := h.Parse(t.Context(), text); !errors.Is(err, session.ErrForged) || got != (session.Handle{}) {
			t.Errorf("%s: Parse(%q) = %+v, %v, want ErrForged", what, text, got, err)
		}
	}
	for i := range payload {
		changed := slices.Clone(payload)
		changed[i] ^= 1
		refuse("changed", opaque.Write(opaque.RefreshToken, changed))
		refuse("cut", opaque.Write(opaque.RefreshToken, payload[:i]))
	}
	for i := range heldToken {
		refuse("text cut", heldToken[:i])
		refuse("without its beginning", heldToken[i+1:])
	}
	refuse("another kind", opaque.Write(opaque.RegisteredClient, payload))
	refuse("a code", heldCode)
	refuse("a cookie", heldCookie)
	away := &session.Handles{Keys: h.Keys, Region: "us-east-1"}
	if _, err := away.Parse(t.Context(), heldToken); !errors.As(err, new(*session.RegionError)) {
		t.Errorf("Parse in another region = %v, want a RegionError", err)
	}
}

// A code of 0.1.0 can be redeemed in its minute.
func TestHeldCode(t *testing.T) {
	noon := sessiontest.Noon
	codes := &session.Codes{Keys: heldKeys(t), Region: "eu-central-1", Now: func(context.Context) time.Time { return noon }}
	want := session.Code{
		Subject: subject, AuthGen: 3, Login: "01K8D3F0V8S2M5ZC7Q4W9XJTRC", LoginEnds: noon.Add(time.Hour).Truncate(time.Second),
		Grant: "01M81J18QT11BQPGH37DM0VRS5", Scope: "openid notes.read", Audience: []string{"https://notes.example.com"},
		Nonce: "n-0S6_WzA2Mj", AuthTime: noon.Add(-time.Minute).Truncate(time.Second), AMR: []string{"pwd", "otp"},
		JKT: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", Expires: noon.Add(time.Minute).Truncate(time.Second),
	}
	want.Client[0], want.RedirectURI[1], want.Challenge[2] = 1, 2, 3
	got, err := codes.Open(t.Context(), heldCode)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("Open = %+v, %v, want %+v", got, err, want)
	}
	for i := range heldCode {
		for _, text := range []string{heldCode[:i], heldCode[i+1:]} {
			if got, err := codes.Open(t.Context(), text); !errors.Is(err, session.ErrForged) {
				t.Errorf("Open(%q) = %+v, %v, want ErrForged", text, got, err)
			}
		}
	}
	noon = noon.Add(time.Minute)
	if _, err := codes.Open(t.Context(), heldCode); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Open after its minute = %v, want ErrEnded", err)
	}
}

// A browser that was signed in by 0.1.0 stays signed in.
func TestHeldCookie(t *testing.T) {
	b := sessiontest.New(t)
	owner, id := "usr_01M81J18QT1WRPSPBP042YXBAQ", "01M81J18QTPT1C041EYVN9XDRA"
	// The item as 0.1.0 wrote it.
	it := dynamo.Item{
		"pk": dynamo.Text("sub#" + owner), "sk": dynamo.Text("login#" + id), "state": dynamo.Text("active"),
		"hash":    &types.AttributeValueMemberB{Value: must(hex.DecodeString(heldHash))},
		"created": dynamo.Number(1795348800), "used": dynamo.Number(1795348800), "auth_time": dynamo.Number(1795348800),
		"proved": dynamo.Number(1795348800250), "idle": dynamo.Number(1795350600), "abs": dynamo.Number(1795392000),
		"ttl": dynamo.Number(1795996800), "auth_gen": dynamo.Number(0), "ip": dynamo.Text("198.51.100.0/24"), "agent": dynamo.Text("curl"),
		"amr": &types.AttributeValueMemberL{Value: []types.AttributeValue{dynamo.Text("pwd"), dynamo.Text("otp")}},
	}
	if _, err := b.Raw.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.Sessions, Item: it}); err != nil {
		t.Fatal(err)
	}
	l, err := b.LoginByCookie(t.Context(), heldCookie)
	if err != nil || l.Subject != owner || l.ID != id || !slices.Equal(l.AMR, []string{"pwd", "otp"}) {
		t.Fatalf("LoginByCookie = %+v, %v, want the login %s", l, err, id)
	}
	payload := must(opaque.Read(opaque.LoginCookie, heldCookie))
	for i := range payload {
		changed := slices.Clone(payload)
		changed[i] ^= 1
		if _, err := b.LoginByCookie(t.Context(), opaque.Write(opaque.LoginCookie, changed)); !errors.Is(err, session.ErrEnded) {
			t.Errorf("LoginByCookie with byte %d changed = %v, want ErrEnded", i, err)
		}
	}
}
