package opaque_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newDocument(t testing.TB) *keys.Document {
	t.Helper()
	d, err := keys.Generate(noon)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func box(k opaque.Kind, d *keys.Document) *opaque.Box {
	return &opaque.Box{Kind: k, Keys: func(_ context.Context, id string) (*keys.MACKey, error) { return d.MACKey(id) }}
}

func seal(t testing.TB, b *opaque.Box, content string) string {
	t.Helper()
	text, err := b.Seal(context.Background(), []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestBoxRoundTrip(t *testing.T) {
	b := box(opaque.AuthorizationCode, newDocument(t))
	for _, content := range []string{"", "a", strings.Repeat("what a code says ", 50)} {
		text := seal(t, b, content)
		got, err := b.Open(t.Context(), text)
		if err != nil || string(got) != content {
			t.Errorf("Open(Seal(%q)) = %q, %v", content, got, err)
		}
		if !strings.HasPrefix(text, "tsc_") || content != "" && len(content) > 4 && strings.Contains(text, content) {
			t.Errorf("Seal(%q) = %q, want a code that does not show it", content, text)
		}
		if again := seal(t, b, content); again == text {
			t.Errorf("Seal(%q) is %q twice", content, text)
		}
	}
}

func TestTooLong(t *testing.T) {
	b := box(opaque.AuthorizationCode, newDocument(t))
	longest := 0
	for n := range 2 * opaque.MaxLength {
		text, err := b.Seal(t.Context(), make([]byte, n))
		if err != nil {
			if !errors.Is(err, opaque.ErrTooLong) || longest < opaque.MaxLength/2 {
				t.Errorf("Seal of %d bytes = %v, want ErrTooLong, and not before", n, err)
			}
			continue
		}
		if got, err := b.Open(t.Context(), text); err != nil || len(got) != n {
			t.Fatalf("Open of %d bytes = %d bytes, %v: what can be sealed can be opened", n, len(got), err)
		}
		longest = n
	}
	if longest >= opaque.MaxLength {
		t.Errorf("%d bytes were sealed", longest)
	}
}

// Every text but the one that was sealed is refused: cut, in other case, changed
// in one bit with the right checksum, of another kind, of another stage.
func TestForgeries(t *testing.T) {
	d := newDocument(t)
	b := box(opaque.AuthorizationCode, d)
	text := seal(t, b, "content")
	refuse := func(what, s string) {
		t.Helper()
		if got, err := b.Open(t.Context(), s); !errors.Is(err, opaque.ErrForged) || got != nil {
			t.Errorf("Open(%s %q) = %q, %v, want ErrForged", what, s, got, err)
		}
	}
	for i := range len(text) {
		refuse("prefix", text[:i])
		refuse("suffix", text[i+1:])
		refuse("with a line end", text[:i]+"\n"+text[i:])
	}
	refuse("in lower case", strings.ToLower(text))
	refuse("in upper case", strings.ToUpper(text))
	payload, err := opaque.Read(opaque.AuthorizationCode, text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(payload) * 8 {
		forged := bytes.Clone(payload)
		forged[i/8] ^= 1 << (i % 8)
		refuse("one bit", opaque.Write(opaque.AuthorizationCode, forged))
	}
	for i := range payload {
		refuse("cut", opaque.Write(opaque.AuthorizationCode, payload[:i]))
	}
	refuse("of another kind", opaque.Write(opaque.RegisteredClient, payload))
	refuse("of another stage", seal(t, box(opaque.AuthorizationCode, newDocument(t)), "content"))
	// The kind is under the encryption too: the same payload in the dress of
	// another kind is nothing there either.
	other, err := opaque.Read(opaque.RegisteredClient, seal(t, box(opaque.RegisteredClient, d), "content"))
	if err != nil {
		t.Fatal(err)
	}
	refuse("dressed up", opaque.Write(opaque.AuthorizationCode, other))
}

// A handle lives as long as its key, whatever new ones there are.
func TestRotations(t *testing.T) {
	d := newDocument(t)
	text := seal(t, box(opaque.AuthorizationCode, d), "content")
	next, err := d.Advance(noon.Add(90 * 24 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := box(opaque.AuthorizationCode, next).Open(t.Context(), text); err != nil || string(got) != "content" {
		t.Errorf("Open after a rotation = %q, %v", got, err)
	}
	next.MAC = next.MAC[1:]
	if _, err := box(opaque.AuthorizationCode, next).Open(t.Context(), text); !errors.Is(err, opaque.ErrForged) {
		t.Errorf("Open when the key is gone = %v, want ErrForged", err)
	}
}

// Without keys a handle is neither good nor bad; nonsense needs none.
func TestNoKeys(t *testing.T) {
	text := seal(t, box(opaque.AuthorizationCode, newDocument(t)), "content")
	down := errors.New("down")
	b := &opaque.Box{Kind: opaque.AuthorizationCode, Keys: func(context.Context, string) (*keys.MACKey, error) { return nil, down }}
	if _, err := b.Open(t.Context(), text); !errors.Is(err, down) || errors.Is(err, opaque.ErrForged) {
		t.Errorf("Open without keys = %v, want that error", err)
	}
	if _, err := b.Seal(t.Context(), nil); !errors.Is(err, down) {
		t.Errorf("Seal without keys = %v, want that error", err)
	}
	if _, err := b.Open(t.Context(), "tsc_nonsense"); !errors.Is(err, opaque.ErrForged) {
		t.Errorf("Open of nonsense without keys = %v, want ErrForged", err)
	}
}

func FuzzOpen(f *testing.F) {
	b := box(opaque.AuthorizationCode, newDocument(f))
	good := seal(f, b, "content")
	payload, err := opaque.Read(opaque.AuthorizationCode, good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(opaque.Write(opaque.AuthorizationCode, payload[:30]))
	f.Add(opaque.Write(opaque.AuthorizationCode, []byte{1}))
	f.Add(opaque.Write(opaque.DeviceCode, payload))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := b.Open(context.Background(), text)
		if err == nil && text != good {
			t.Errorf("Open(%q) = %q, want only what was sealed", text, got)
		}
		if err != nil && !errors.Is(err, opaque.ErrForged) {
			t.Errorf("Open(%q) = %v, want ErrForged", text, err)
		}
	})
}
