package opaque_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// stage is a document with a MAC key alone: signing keys take their time.
func stage() *keys.Document {
	return &keys.Document{MAC: []*keys.MACKey{{ID: "AAAABBBB", State: keys.Active, Key: []byte(rand.Text())}}}
}

// mac signs values of a kind under the keys of a document.
func mac(k opaque.Kind, d *keys.Document) *opaque.MAC {
	return &opaque.MAC{Kind: k, Keys: func(_ context.Context, id string) (*keys.MACKey, error) { return d.MACKey(id) }}
}

func sign(t testing.TB, m *opaque.MAC, body string, bound ...string) []byte {
	t.Helper()
	value, err := m.Sign(t.Context(), []byte(body), bound...)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// The vectors are from an independent program.
func TestMACVectors(t *testing.T) {
	key := &keys.MACKey{ID: "AAAABBBB", State: keys.Active}
	for i := range 32 {
		key.Key = append(key.Key, byte(i))
	}
	d := &keys.Document{MAC: []*keys.MACKey{key}}
	for _, v := range []struct {
		kind  opaque.Kind
		body  string
		bound []string
		want  string
	}{
		{opaque.RefreshToken, "body", []string{}, "AUFBQUFCQkJCYm9keYuIEj19wuMhzNiOwcFL-5yFUECzStN4DhvNI512NL7G"},
		{opaque.FormToken, "body", []string{"login", "a browser"}, "AUFBQUFCQkJCYm9keeSk8lyPoACJNnyK32ehjvRsHJGwXWYa7h_XUBl7WWD8"},
		{opaque.PasskeyChallenge, "", []string{""}, "AUFBQUFCQkJCsyQPcRIkjLDkBqWdX5Pj85wiAZtn0QkyjORwQXFxqFc"},
		{opaque.DPoPNonce, "\x00\x01", []string{}, "AUFBQUFCQkJCAAFVVgwoLdg9pBcDXGZlrxN5axIuoI5kIkZJbFE5cIPxqg"},
	} {
		m := mac(v.kind, d)
		value := sign(t, m, v.body, v.bound...)
		if got := opaque.Encode(value); got != v.want {
			t.Errorf("Sign(%q, %q) = %q, want %q", v.body, v.bound, got, v.want)
		}
		if again, err := m.SignUnder(t.Context(), "AAAABBBB", []byte(v.body), v.bound...); err != nil || !bytes.Equal(again, value) {
			t.Errorf("SignUnder(%q, %q) = %x, %v, want %x", v.body, v.bound, again, err, value)
		}
		got, err := m.Verify(t.Context(), value, v.bound...)
		if err != nil || got.KeyID != "AAAABBBB" || string(got.Body) != v.body {
			t.Errorf("Verify(Sign(%q, %q)) = %+v, %v", v.body, v.bound, got, err)
		}
		if read, err := opaque.Unverified(value); err != nil || read.KeyID != got.KeyID || string(read.Body) != v.body {
			t.Errorf("Unverified(Sign(%q, %q)) = %+v, %v", v.body, v.bound, read, err)
		}
	}
}

func TestMACForgeries(t *testing.T) {
	d := stage()
	m := mac(opaque.FormToken, d)
	value := sign(t, m, "body", "login", "browser")
	refuse := func(what string, m *opaque.MAC, value []byte, bound ...string) {
		t.Helper()
		if got, err := m.Verify(t.Context(), value, bound...); !errors.Is(err, opaque.ErrForged) || got.KeyID != "" || got.Body != nil {
			t.Errorf("%s: Verify(%x) = %+v, %v, want ErrForged", what, value, got, err)
		}
	}
	for i := range len(value) * 8 {
		forged := bytes.Clone(value)
		forged[i/8] ^= 1 << (i % 8)
		refuse("one bit", m, forged, "login", "browser")
	}
	for i := range value {
		refuse("cut", m, value[:i], "login", "browser")
		refuse("without its beginning", m, value[i+1:], "login", "browser")
	}
	refuse("longer", m, append(bytes.Clone(value), 0), "login", "browser")
	refuse("another stage", mac(opaque.FormToken, stage()), value, "login", "browser")
	for _, k := range []opaque.Kind{opaque.DPoPNonce, opaque.PasskeyChallenge, opaque.RefreshToken, ""} {
		refuse("another kind", mac(k, d), value, "login", "browser")
	}
	for _, bound := range [][]string{
		nil,
		{"login"},
		{"browser", "login"},
		{"loginbrowser"},
		{"login", "browser", ""},
		{"", "login", "browser"},
		{"logi", "nbrowser"},
		{"login\x007:browser"},
		{"login", "browser2"},
	} {
		refuse("another binding", m, value, bound...)
	}
}

// What stands in the kind, the binding and the body never reads as another division
// of the same bytes.
func TestMACInputsDiffer(t *testing.T) {
	d := stage()
	kinds := []opaque.Kind{opaque.RefreshToken, opaque.FormToken, opaque.DPoPNonce}
	bounds := [][]string{nil, {""}, {"", ""}, {"a"}, {"ab"}, {"a", "b"}, {"b", "a"}, {"a\x001:b"}, {"\x01"}, {"1:a"}, {"a", ""}, {"", "a"}}
	bodies := []string{"", "a", "ab", "\x00", "\x000:", "\x001:a", "\x01" + d.MAC[0].ID}
	seen := map[string]string{}
	for _, k := range kinds {
		for _, bound := range bounds {
			for _, body := range bodies {
				value := sign(t, mac(k, d), body, bound...)
				what, sum := string(k)+strconv.Quote(body)+strings.Join(bound, ","), string(value[len(value)-32:])
				if before, ok := seen[sum]; ok {
					t.Errorf("%q and %q have one MAC", before, what)
				}
				seen[sum] = what
			}
		}
	}
}

// declared returns every constant of type Kind that the package has.
func declared(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"opaque.go", "mac.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Kind" {
				return true
			}
			literal, ok := spec.Values[0].(*ast.BasicLit)
			if !ok {
				t.Fatalf("%s is no literal", spec.Names[0])
			}
			if found[spec.Names[0].Name], err = strconv.Unquote(literal.Value); err != nil {
				t.Fatal(err)
			}
			return true
		})
	}
	return found
}

// No kind is the beginning of another, nor of what the MACs of release 0.1.0 cover.
func TestKindsAreApart(t *testing.T) {
	all := declared(t)
	if len(all) < 13 || all["FormToken"] != string(opaque.FormToken) || all["RefreshToken"] != string(opaque.RefreshToken) {
		t.Fatalf("the kinds found are %q", all)
	}
	all["forms of 0.1.0"] = "tipstaff form\x00"
	all["nonces of 0.1.0"] = "tipstaff dpop nonce\x00"
	all["challenges of 0.1.0"] = "tipstaff passkey challenge\x00"
	for a, first := range all {
		for b, second := range all {
			if a != b && strings.HasPrefix(second, first) {
				t.Errorf("the kind %s (%q) begins with the kind %s (%q)", b, second, a, first)
			}
		}
	}
}

func TestMACRotations(t *testing.T) {
	d := newDocument(t)
	m := mac(opaque.FormToken, d)
	value := sign(t, m, "body")
	next, err := d.Advance(noon.Add(90 * 24 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := mac(opaque.FormToken, next).Verify(t.Context(), value); err != nil || string(got.Body) != "body" {
		t.Errorf("Verify after a rotation = %+v, %v", got, err)
	}
	if again, err := mac(opaque.FormToken, next).SignUnder(t.Context(), d.MAC[0].ID, []byte("body")); err != nil || !bytes.Equal(again, value) {
		t.Errorf("SignUnder after a rotation = %x, %v, want %x", again, err, value)
	}
	next.MAC = next.MAC[1:]
	if _, err := mac(opaque.FormToken, next).Verify(t.Context(), value); !errors.Is(err, opaque.ErrForged) {
		t.Errorf("Verify when the key is gone = %v, want ErrForged", err)
	}
	if got, err := mac(opaque.FormToken, next).SignUnder(t.Context(), d.MAC[0].ID, nil); !errors.Is(err, keys.ErrUnknown) || got != nil {
		t.Errorf("SignUnder when the key is gone = %x, %v, want ErrUnknown", got, err)
	}
	if got, err := m.SignUnder(t.Context(), "", nil); err == nil {
		t.Errorf("SignUnder of no key = %x, want an error: it would not be the same value after a rotation", got)
	}
}

// Without keys a value is neither good nor bad; nonsense needs none.
func TestMACWithoutKeys(t *testing.T) {
	value := sign(t, mac(opaque.FormToken, stage()), "body")
	down := errors.New("down")
	m := &opaque.MAC{Kind: opaque.FormToken, Keys: func(context.Context, string) (*keys.MACKey, error) { return nil, down }}
	if _, err := m.Verify(t.Context(), value); !errors.Is(err, down) || errors.Is(err, opaque.ErrForged) {
		t.Errorf("Verify without keys = %v, want that error", err)
	}
	if _, err := m.Sign(t.Context(), nil); !errors.Is(err, down) {
		t.Errorf("Sign without keys = %v, want that error", err)
	}
	for _, nonsense := range [][]byte{nil, []byte("nonsense"), make([]byte, 100), value[:40]} {
		if _, err := m.Verify(t.Context(), nonsense); !errors.Is(err, opaque.ErrForged) {
			t.Errorf("Verify(%x) without keys = %v, want ErrForged", nonsense, err)
		}
	}
}

// A key that is not the one that was asked for, or an id that has no place in a
// value, makes no value that cannot be verified.
func TestKeysThatDoNotFit(t *testing.T) {
	for _, id := range []string{"", "SHORT", "LONGER-THAN-8"} {
		get := func(context.Context, string) (*keys.MACKey, error) {
			return &keys.MACKey{ID: id, Key: []byte("key")}, nil
		}
		m, b := &opaque.MAC{Kind: opaque.FormToken, Keys: get}, &opaque.Box{Kind: opaque.SignInStep, Keys: get}
		if value, err := m.Sign(t.Context(), nil); err == nil {
			t.Errorf("Sign under the key %q = %x, want an error", id, value)
		}
		if text, err := b.Seal(t.Context(), nil); err == nil {
			t.Errorf("Seal under the key %q = %q, want an error", id, text)
		}
	}
	other := &opaque.MAC{Kind: opaque.FormToken, Keys: func(context.Context, string) (*keys.MACKey, error) {
		return &keys.MACKey{ID: "AAAABBBB", Key: []byte("key")}, nil
	}}
	if value, err := other.SignUnder(t.Context(), "CCCCDDDD", nil); err == nil {
		t.Errorf("SignUnder of another key = %x, want an error", value)
	}
}

// A value as plain text has one spelling too.
func TestEncoding(t *testing.T) {
	for n := range 70 {
		value := bytes.Repeat([]byte{0xa7}, n)
		text := opaque.Encode(value)
		got, err := opaque.Decode(text)
		if err != nil || !bytes.Equal(got, value) {
			t.Errorf("Decode(%q) = %x, %v, want %x", text, got, err, value)
		}
		others := []string{text + "=", text + "\n", "\n" + text, text + "!", text + " "}
		if n%3 != 0 { // the last digit has bits that say nothing
			last := text[len(text)-1]
			others = append(others, text[:len(text)-1]+string(last+1))
		}
		for _, other := range others {
			if got, err := opaque.Decode(other); !errors.Is(err, opaque.ErrMalformed) || got != nil {
				t.Errorf("Decode(%q) = %x, %v, want ErrMalformed", other, got, err)
			}
		}
	}
	if _, err := opaque.Decode(strings.Repeat("A", opaque.MaxLength+4)); !errors.Is(err, opaque.ErrMalformed) {
		t.Errorf("Decode of a long text = %v, want ErrMalformed", err)
	}
}

func FuzzVerify(f *testing.F) {
	m := mac(opaque.FormToken, stage())
	good := sign(f, m, "body", "bound")
	f.Add(good, "bound")
	f.Add(good[:len(good)-1], "bound")
	f.Add(good, "boun")
	f.Add([]byte{1}, "")
	f.Add(slices.Concat([]byte{1}, make([]byte, 40)), "")
	f.Fuzz(func(t *testing.T, value []byte, bound string) {
		got, err := m.Verify(t.Context(), value, bound)
		if err == nil && (!bytes.Equal(value, good) || bound != "bound") {
			t.Errorf("Verify(%x, %q) = %+v, want only what was signed", value, bound, got)
		}
		if err != nil && !errors.Is(err, opaque.ErrForged) {
			t.Errorf("Verify(%x, %q) = %v, want ErrForged", value, bound, err)
		}
		if said, err := opaque.Unverified(value); err == nil && 1+len(said.KeyID)+len(said.Body)+32 != len(value) {
			t.Errorf("Unverified(%x) = %+v", value, said)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add("")
	f.Add("AA")
	f.Add("AB")
	f.Add("A\nA")
	f.Fuzz(func(t *testing.T, text string) {
		if value, err := opaque.Decode(text); err == nil && opaque.Encode(value) != text {
			t.Errorf("Decode(%q) accepts a second spelling of %x", text, value)
		}
	})
}
