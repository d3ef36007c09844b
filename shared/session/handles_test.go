package session_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session"
)

const (
	subject = "usr_01K8D3F0V8S2M5ZC7Q4W9XJTRA"
	grant   = "01K8D3F0V8S2M5ZC7Q4W9XJTRB"
)

// ring is a document of keys that can be rotated, as Handles sees one.
type ring struct {
	*keys.Document
	t   testing.TB
	now time.Time
}

func newRing(t testing.TB) *ring {
	t.Helper()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	d, err := keys.Generate(now)
	if err != nil {
		t.Fatal(err)
	}
	return &ring{Document: d, t: t, now: now}
}

func (r *ring) rotate() {
	r.t.Helper()
	r.now = r.now.Add(90 * 24 * time.Hour)
	next, err := r.Advance(r.now)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Document = next
	r.now = r.now.Add(keys.MACSettles)
}

func (r *ring) handles(region string) *session.Handles {
	return &session.Handles{Region: region, Keys: func(_ context.Context, id string) (*keys.MACKey, error) {
		if id == "" {
			return r.Minting(r.now)
		}
		return r.MACKey(id)
	}}
}

func TestTokenRoundTrip(t *testing.T) {
	h := newRing(t).handles("eu-central-1")
	for _, generation := range []uint32{1, 2, math.MaxUint32} {
		text := must(h.Mint(t.Context(), subject, grant, generation))
		got, err := h.Parse(t.Context(), text)
		if err != nil || got.Subject != subject || got.Grant != grant || got.Generation != generation || got.Region != "eu-central-1" {
			t.Errorf("Parse(Mint(%d)) = %+v, %v, want what went in", generation, got, err)
		}
		if !strings.HasPrefix(text, "tsr_") || len(text) > 200 {
			t.Errorf("Mint = %q, want tsr_ and at most 200 characters", text)
		}
	}
}

// Each rotation activates another key, and the tokens of a grant keep theirs: the next
// token is the same text at any time, and an old token stays valid.
func TestNextSurvivesRotations(t *testing.T) {
	r := newRing(t)
	h := r.handles("eu-central-1")
	first := must(h.Mint(t.Context(), subject, grant, 1))
	parsed := must(h.Parse(t.Context(), first))
	want := must(h.Next(t.Context(), parsed))
	for range 3 {
		r.rotate()
		again, err := h.Parse(t.Context(), first)
		if err != nil || again != parsed {
			t.Fatalf("after a rotation Parse = %+v, %v, want %+v", again, err, parsed)
		}
		if got, err := h.Next(t.Context(), again); err != nil || got != want {
			t.Errorf("after a rotation Next = %q, %v, want %q", got, err, want)
		}
	}
	next := must(h.Parse(t.Context(), want))
	if next.Generation != 2 || next.KeyID != parsed.KeyID {
		t.Errorf("the next token is %+v, want generation 2 under the key %s", next, parsed.KeyID)
	}
	if young := must(h.Parse(t.Context(), must(h.Mint(t.Context(), subject, grant, 1)))); young.KeyID == parsed.KeyID {
		t.Error("a new token is under a key that retires")
	}
	for range 5 {
		r.rotate()
	}
	if _, err := h.Parse(t.Context(), first); !errors.Is(err, session.ErrForged) {
		t.Errorf("after %v Parse = %v, want ErrForged: its key is gone", 8*90*24*time.Hour, err)
	}
}

// Only the exact text of a token is accepted.
func TestMutilatedTokens(t *testing.T) {
	h := newRing(t).handles("eu-central-1")
	text := must(h.Mint(t.Context(), subject, grant, 7))
	refuse := func(what, s string) {
		t.Helper()
		if got, err := h.Parse(t.Context(), s); !errors.Is(err, session.ErrForged) || got != (session.Handle{}) {
			t.Errorf("Parse(%s %q) = %+v, %v, want ErrForged", what, s, got, err)
		}
	}
	for i := range len(text) {
		refuse("prefix", text[:i])
		refuse("suffix", text[i+1:])
		refuse("without one character", text[:i]+text[i+1:])
		refuse("with a line end", text[:i]+"\n"+text[i:])
		if swapped := swapCase(text[i : i+1]); swapped != text[i:i+1] {
			refuse("in another case", text[:i]+swapped+text[i+1:])
		}
	}
	for _, s := range []string{strings.ToLower(text), strings.ToUpper(text), text + "0", " " + text, text + "\n", text + text} {
		refuse("changed", s)
	}
}

func swapCase(s string) string {
	if lower := strings.ToLower(s); lower != s {
		return lower
	}
	return strings.ToUpper(s)
}

// A correct checksum does not make a token: the MAC covers every bit of it.
func TestForgedTokens(t *testing.T) {
	h := newRing(t).handles("eu-central-1")
	payload := must(opaque.Read(opaque.RefreshToken, must(h.Mint(t.Context(), subject, grant, 7))))
	for i := range len(payload) * 8 {
		forged := append([]byte(nil), payload...)
		forged[i/8] ^= 1 << (i % 8)
		if got, err := h.Parse(t.Context(), opaque.Write(opaque.RefreshToken, forged)); !errors.Is(err, session.ErrForged) {
			t.Errorf("Parse with bit %d changed = %+v, %v, want ErrForged", i, got, err)
		}
	}
	for i := range payload {
		if got, err := h.Parse(t.Context(), opaque.Write(opaque.RefreshToken, payload[:i])); !errors.Is(err, session.ErrForged) {
			t.Errorf("Parse of %d bytes = %+v, %v, want ErrForged", i, got, err)
		}
	}
	stranger := newRing(t).handles("eu-central-1")
	if _, err := stranger.Parse(t.Context(), opaque.Write(opaque.RefreshToken, payload)); !errors.Is(err, session.ErrForged) {
		t.Errorf("Parse in another stage = %v, want ErrForged", err)
	}
}

// A handle of one kind is not accepted as another kind, even with the prefix and the
// checksum of the other.
func TestOtherKinds(t *testing.T) {
	h := newRing(t).handles("eu-central-1")
	token := must(h.Mint(t.Context(), subject, grant, 7))
	payload := must(opaque.Read(opaque.RefreshToken, token))
	secret := client.NewSecret()
	for _, k := range []opaque.Kind{opaque.LoginCookie, opaque.ClientSecret} {
		dressed := opaque.Write(k, payload)
		if _, err := h.Parse(t.Context(), dressed); !errors.Is(err, session.ErrForged) {
			t.Errorf("Parse(%q) = %v, want ErrForged", dressed, err)
		}
	}
	if _, err := h.Parse(t.Context(), secret); !errors.Is(err, session.ErrForged) {
		t.Errorf("Parse of a client secret = %v, want ErrForged", err)
	}
	store := &session.Store{} // without a database: nothing is asked
	for _, s := range []string{token, secret, opaque.Write(opaque.LoginCookie, payload), "", "tsi_"} {
		if _, err := store.LoginByCookie(t.Context(), s); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Login(%q) = %v, want ErrEnded", s, err)
		}
	}
	if client.ValidSecret(token) {
		t.Errorf("ValidSecret(%q) = true", token)
	}
}

func TestATokenIsBoundToItsRegion(t *testing.T) {
	r := newRing(t)
	text := must(r.handles("eu-central-1").Mint(t.Context(), subject, grant, 1))
	_, err := r.handles("us-east-1").Parse(t.Context(), text)
	if away, ok := errors.AsType[*session.RegionError](err); !ok || away.Home != "eu-central-1" {
		t.Errorf("Parse in another region = %v, want a RegionError with its home", err)
	}
}

// Without keys a token is neither accepted nor called forged.
func TestNoKeys(t *testing.T) {
	text := must(newRing(t).handles("r").Mint(t.Context(), subject, grant, 1))
	down := errors.New("down")
	h := &session.Handles{Region: "r", Keys: func(context.Context, string) (*keys.MACKey, error) { return nil, down }}
	if _, err := h.Parse(t.Context(), text); !errors.Is(err, down) || errors.Is(err, session.ErrForged) {
		t.Errorf("Parse without keys = %v, want that error", err)
	}
	if _, err := h.Mint(t.Context(), subject, grant, 1); !errors.Is(err, down) {
		t.Errorf("Mint without keys = %v, want that error", err)
	}
	if _, err := h.Parse(t.Context(), "tsr_nonsense"); !errors.Is(err, session.ErrForged) {
		t.Errorf("Parse of nonsense without keys = %v, want ErrForged", err)
	}
}

func TestMintRefuses(t *testing.T) {
	h := newRing(t).handles("eu-central-1")
	for _, bad := range [][2]string{{subject, "x"}, {subject, ""}, {strings.Repeat("s", 65), grant}} {
		if text, err := h.Mint(t.Context(), bad[0], bad[1], 1); err == nil {
			t.Errorf("Mint(%q) = %q, want an error", bad, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	r := newRing(f)
	h := r.handles("eu-central-1")
	ctx := context.Background()
	good := must(h.Mint(ctx, subject, grant, 7))
	payload := must(opaque.Read(opaque.RefreshToken, good))
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(opaque.Write(opaque.RefreshToken, payload[:40]))
	f.Add(opaque.Write(opaque.RefreshToken, append([]byte{1}, strings.Repeat("\xff", 70)...)))
	f.Add(opaque.Write(opaque.LoginCookie, payload))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := h.Parse(ctx, text)
		if err == nil && (text != good || got.Generation != 7) {
			t.Errorf("Parse(%q) = %+v, want only what was minted", text, got)
		}
		if err != nil && !errors.Is(err, session.ErrForged) {
			t.Errorf("Parse(%q) = %v, want ErrForged", text, err)
		}
		if _, err := new(session.Store).LoginByCookie(ctx, dull(text)); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Login(%q) = %v, want ErrEnded", text, err)
		}
	})
}

// dull makes sure that a text is no well-formed cookie, which would need a database.
func dull(text string) string {
	if _, err := opaque.Read(opaque.LoginCookie, text); err == nil {
		return text[:len(text)-1]
	}
	return text
}
