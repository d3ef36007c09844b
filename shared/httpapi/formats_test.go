package httpapi_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/client/registration"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// format is one of the formats that opaque.MAC makes, with the keys of one stage.
type format struct {
	name string
	// made is a value of it, without the text around it.
	made []byte
	// accepts reports whether a value is taken, as the text that this format has.
	accepts func(value []byte) bool
}

func formats(t *testing.T) []format {
	t.Helper()
	ctx, noon := t.Context(), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	document := &keys.Document{MAC: []*keys.MACKey{{ID: "AAAABBBB", State: keys.Active, Key: []byte(rand.Text())}}}
	get := func(_ context.Context, id string) (*keys.MACKey, error) { return document.MACKey(id) }
	now := func(context.Context) time.Time { return noon }
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	value := func(payload []byte, err error) []byte {
		t.Helper()
		check(err)
		return payload
	}

	handles := &session.Handles{Keys: get, Region: "r"}
	refresh, err := handles.Mint(ctx, "usr_1", "01K8D3F0V8S2M5ZC7Q4W9XJTRB", 1)
	check(err)
	ids := &registration.IDs{Keys: get, Now: now}
	id, _, err := ids.Issue(ctx, &metadata.Metadata{Name: "TV", Grants: []string{oauth.GrantDeviceCode}})
	check(err)
	challenges := &passkey.Challenges{Key: get, Now: now}
	challenge, err := challenges.New(ctx, "login")
	check(err)
	forms := &websec.Forms{Key: get, Now: now}
	const browser = "7DR6V33JCDIIKMQC6QC26PVQMZ"
	page := httptest.NewRequest(http.MethodGet, "/login", nil)
	page.Header.Set("Cookie", websec.FormCookie+"="+browser)
	form, err := forms.Token(ctx, httptest.NewRecorder(), page, "login")
	check(err)
	nonces := &dpop.Verifier{Issuer: "https://auth.example.com", Nonces: get, Now: now}
	key := tokentest.NewKey(t)
	// offered is the nonce in the answer to a proof with another one.
	offered := func(nonce string) string {
		proof := tokentest.Mold{
			Key: key, Types: []string{dpop.Type}, Header: map[string]any{"jwk": tokentest.JWK(t, key)}, Now: noon,
			Claims: map[string]any{"jti": "j", "htm": "POST", "htu": "https://auth.example.com/token", "iat": noon.Unix(), "nonce": nonce},
		}
		r := httptest.NewRequest(http.MethodPost, "/token", nil)
		r.Header.Set(dpop.Header, proof.Sign(t, nil))
		_, err := nonces.Optional(r, &client.Client{DPoPNonce: true})
		refused, ok := errors.AsType[*dpop.NonceError](err)
		if !ok {
			t.Fatalf("a proof with the nonce %q = %v, want use_dpop_nonce", nonce, err)
		}
		return refused.Nonce
	}
	nonce := offered("")

	return []format{
		{"refresh token", value(opaque.Read(opaque.RefreshToken, refresh)), func(v []byte) bool {
			_, err := handles.Parse(ctx, opaque.Write(opaque.RefreshToken, v))
			return err == nil
		}},
		{"client id", value(opaque.Read(opaque.RegisteredClient, id)), func(v []byte) bool {
			_, err := ids.Client(ctx, opaque.Write(opaque.RegisteredClient, v))
			return err == nil
		}},
		{"challenge", challenge, func(v []byte) bool {
			_, err := challenges.Check(ctx, v, "login")
			return err == nil
		}},
		{"form token", value(opaque.Decode(form)), func(v []byte) bool {
			return forms.Check(ctx, page, "login", opaque.Encode(v)) == nil
		}},
		// A proof with a good nonce would need a table.
		{"nonce", value(opaque.Decode(nonce)), func(v []byte) bool {
			text := opaque.Encode(v)
			return text == nonce || offered(text) != nonce
		}},
	}
}

// A value of one format is none of another, under the same key and as the text of
// the other.
func TestFormatsCannotBeSwapped(t *testing.T) {
	all := formats(t)
	for _, from := range all {
		for _, to := range all {
			if got, want := to.accepts(from.made), from.name == to.name; got != want {
				t.Errorf("a %s is taken for a %s: %v, want %v", from.name, to.name, got, want)
			}
		}
	}
}
