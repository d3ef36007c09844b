package registration_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/registration"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// What a process of release 0.1.0 (commit d46abca) issued at noon, for app and for a
// device, and its MAC key. Clients keep their ids for Life: these must verify in
// every release.
const (
	heldKeyID  = "ZO5ZUNFN"
	heldKey    = "0e2616da14115614ae8875c4908f913435988ede9fd96c607a46c3d3d70780e7"
	heldApp    = "tsd_AVpPNVpVTkZOAAAAAGsC2UA3ObrxsJRKdQMAB0dyw7bDn2UAGmh0dHBzOi8vYXBwLmV4YW1wbGUuY29tL2NiABNodHRwOi8vMTI3LjAuMC4xL2NiznPiv3oTdtTXlRZWjpVpMdfrFcf-YIIwlsoBBYpvUbM0qeK6N"
	heldDevice = "tsd_AVpPNVpVTkZOAAAAAGsC2UA9XJ-h0xVvmQEAAlRW2m5lTiRwmApugHKsDM5xP-6MpsSNiioNT-VtXkw4-5c3FluhW"
)

func newHeldIDs(t *testing.T) (ids *registration.IDs, key []byte) {
	t.Helper()
	key, err := hex.DecodeString(heldKey)
	if err != nil {
		t.Fatal(err)
	}
	ids, now := newIDs()
	*now = noon.Add(registration.Life - time.Second)
	ids.Keys = ring{{ID: heldKeyID, Key: key}}.key
	return ids, key
}

func TestHeldIDs(t *testing.T) {
	ids, _ := newHeldIDs(t)
	c, err := ids.Client(t.Context(), heldApp)
	if want := app(); err != nil || c.ID != heldApp || c.Name != want.Name || !slices.Equal(c.RedirectURIs, want.RedirectURIs) || !slices.Equal(c.Grants, want.Grants) {
		t.Errorf("Client(%q) = %+v, %v, want that of %+v", heldApp, c, err, want)
	}
	c, err = ids.Client(t.Context(), heldDevice)
	if err != nil || c.Name != "TV" || len(c.RedirectURIs) != 0 || !c.SelfRegistered || !c.Public() {
		t.Errorf("Client(%q) = %+v, %v, want the device", heldDevice, c, err)
	}
	if c, err := registration.Unverified(heldApp, noon); err != nil || c.Name != app().Name {
		t.Errorf("Unverified = %+v, %v", c, err)
	}
}

func TestHeldIDsChanged(t *testing.T) {
	ids, key := newHeldIDs(t)
	refused := func(text string) {
		t.Helper()
		if c, err := ids.Client(t.Context(), text); !errors.Is(err, client.ErrUnknown) {
			t.Errorf("Client(%q) = %+v, %v, want ErrUnknown", text, c, err)
		}
	}
	payload, err := opaque.Read(opaque.RegisteredClient, heldApp)
	if err != nil {
		t.Fatal(err)
	}
	for i := range payload {
		changed := slices.Clone(payload)
		changed[i] ^= 1
		refused(opaque.Write(opaque.RegisteredClient, changed))
		refused(opaque.Write(opaque.RegisteredClient, payload[:i]))
	}
	for i := range heldApp {
		refused(heldApp[:i])
		refused(heldApp[i+1:])
	}
	refused(opaque.Write(opaque.RefreshToken, payload))
	key[0] ^= 1
	refused(heldApp)
}

// Both releases write the same layout: while they answer side by side, each takes
// the ids of the other. So there is nothing to read that is not written any more.
func TestIDsAreThoseOfTheReleaseBefore(t *testing.T) {
	ids, key := newHeldIDs(t)
	id := issue(t, ids, app())
	held, err := opaque.Read(opaque.RegisteredClient, heldApp)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := opaque.Read(opaque.RegisteredClient, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{held, payload} {
		end := len(p) - sha256.Size
		h := hmac.New(sha256.New, key)
		h.Write([]byte("tsd_" + string(p[:end])))
		if !hmac.Equal(h.Sum(nil), p[end:]) {
			t.Errorf("%x has another MAC than 0.1.0 verifies", p)
		}
	}
	// But for the time and the random part they are byte for byte the same.
	const time, texts = 1 + keys.MACIDLength, 1 + keys.MACIDLength + 8 + 8
	if !slices.Equal(held[:time], payload[:time]) || !slices.Equal(held[texts:len(held)-sha256.Size], payload[texts:len(payload)-sha256.Size]) {
		t.Errorf("the id of the same client is %x, want the layout of %x", payload, held)
	}
}
