package opaque_test

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// What the boxes of release 0.1.0 (commit d46abca) sealed, and the MAC key.
const (
	heldKeyID = "ZO5ZUNFN"
	heldKey   = "0e2616da14115614ae8875c4908f913435988ede9fd96c607a46c3d3d70780e7"
)

var held = map[opaque.Kind]string{
	opaque.SignInStep:        "tsx_AVpPNVpVTkZOHXnjDv83hHdlqbOs_COxmcGEG9CjIGuWuhgcDrGsETFQfwfiG8daJrsHFig02o5RJ",
	opaque.UpstreamState:     "tsu_AVpPNVpVTkZOflVitXqhvZur8TK_i9ErVOXxa9L0G5UqgeCEQ1a_-JfXTOSoG4VevR37qP00pcnen",
	opaque.AuthorizationCode: "tsc_AVpPNVpVTkZOY_84RD1g7mYzduoZFjz4IDsh7O4DX-EL0aMGWtq51zwH2_P8eMGtkJjBc-Y2lzo2z",
}

func heldKeys(tb testing.TB) opaque.Keys {
	tb.Helper()
	key, err := hex.DecodeString(heldKey)
	if err != nil {
		tb.Fatal(err)
	}
	d := &keys.Document{MAC: []*keys.MACKey{{ID: heldKeyID, State: keys.Active, Key: key}}}
	return func(_ context.Context, id string) (*keys.MACKey, error) { return d.MACKey(id) }
}

func TestHeldBoxes(t *testing.T) {
	for kind, text := range held {
		b := &opaque.Box{Kind: kind, Keys: heldKeys(t)}
		if got, err := b.Open(t.Context(), text); err != nil || string(got) != "held by "+string(kind) {
			t.Errorf("Open(%q) = %q, %v", text, got, err)
		}
		payload, err := opaque.Read(kind, text)
		if err != nil {
			t.Fatal(err)
		}
		for other := range held {
			if other == kind {
				continue
			}
			b := &opaque.Box{Kind: other, Keys: heldKeys(t)}
			for _, s := range []string{text, opaque.Write(other, payload)} {
				if got, err := b.Open(t.Context(), s); !errors.Is(err, opaque.ErrForged) {
					t.Errorf("Open of a %s as a %s = %q, %v, want ErrForged", kind, other, got, err)
				}
			}
		}
	}
}
