package registration_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/client/registration"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// ring is the MAC keys of a stage. The last one makes new ids.
type ring []*keys.MACKey

func (r ring) key(_ context.Context, id string) (*keys.MACKey, error) {
	for _, k := range slices.Backward(r) {
		if id == "" || k.ID == id {
			return k, nil
		}
	}
	return nil, keys.ErrUnknown
}

func newIDs() (*registration.IDs, *time.Time) {
	now := noon
	r := ring{{ID: "AAAABBBB", Key: []byte("a key of a stage")}}
	return &registration.IDs{Keys: r.key, Now: func(context.Context) time.Time { return now }}, &now
}

func app() *metadata.Metadata {
	return &metadata.Metadata{
		Name: "Größe", RedirectURIs: []string{"https://app.example.com/cb", "http://127.0.0.1/cb"},
		Grants: []string{oauth.GrantAuthorizationCode, oauth.GrantDeviceCode, oauth.GrantRefreshToken},
	}
}

func issue(t *testing.T, ids *registration.IDs, m *metadata.Metadata) string {
	t.Helper()
	id, issued, err := ids.Issue(t.Context(), m)
	if err != nil || !issued.Equal(ids.Now(t.Context())) {
		t.Fatalf("Issue = %q, %v, %v", id, issued, err)
	}
	return id
}

func TestRoundTrip(t *testing.T) {
	ids, _ := newIDs()
	all := []*metadata.Metadata{
		app(),
		{RedirectURIs: []string{"com.example.app:/cb"}, Grants: []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}},
		{Name: "TV", Grants: []string{oauth.GrantDeviceCode, oauth.GrantRefreshToken}},
	}
	for _, m := range all {
		id := issue(t, ids, m)
		if !strings.HasPrefix(id, "tsd_") || len(id) > opaque.MaxLength {
			t.Errorf("id = %q", id)
		}
		c, err := ids.Client(t.Context(), id)
		if err != nil {
			t.Errorf("Client(%q) = %v", id, err)
			continue
		}
		if c.ID != id || c.Name != m.Name || !slices.Equal(c.RedirectURIs, m.RedirectURIs) || !slices.Equal(c.Grants, m.Grants) ||
			!c.SelfRegistered || !c.Public() || c.FirstParty || len(c.Access) != 0 {
			t.Errorf("client = %+v, want that of %+v", c, m)
		}
		if unverified, err := registration.Unverified(id, noon); err != nil || unverified.Name != m.Name {
			t.Errorf("Unverified(%q) = %+v, %v", id, unverified, err)
		}
	}
	if first, second := issue(t, ids, app()), issue(t, ids, app()); first == second {
		t.Error("two registrations got one id")
	}
}

// Zitadel CVE-2026-27840: an id that is shorter, longer, or changed in one place is
// the id of no client.
func TestChangedIDs(t *testing.T) {
	ids, _ := newIDs()
	id := issue(t, ids, app())
	refused := func(text string) {
		t.Helper()
		if c, err := ids.Client(t.Context(), text); !errors.Is(err, client.ErrUnknown) {
			t.Errorf("Client(%q) = %+v, %v, want ErrUnknown", text, c, err)
		}
	}
	for i := range len(id) {
		refused(id[:i])
		refused(id[i+1:])
		other := byte('A')
		if id[i] == other {
			other = 'B'
		}
		refused(id[:i] + string(other) + id[i+1:])
		refused(id[:i] + id[i+1:])
	}
	for _, more := range []string{"A", "=", " ", "\n", "%00", id} {
		refused(id + more)
		refused(more + id)
	}
	refused(strings.ToUpper(id))
	refused(strings.ToLower(id))

	// The checksum proves nothing: the same with one that is right.
	payload, err := opaque.Read(opaque.RegisteredClient, id)
	if err != nil {
		t.Fatal(err)
	}
	for i := range payload {
		changed := slices.Clone(payload)
		changed[i] ^= 1
		refused(opaque.Write(opaque.RegisteredClient, changed))
		refused(opaque.Write(opaque.RegisteredClient, payload[:i]))
	}
	refused(opaque.Write(opaque.RegisteredClient, append(slices.Clone(payload), 0)))
	// The same bytes as another kind of handle.
	for _, kind := range []opaque.Kind{opaque.ClientSecret, opaque.RefreshToken, opaque.AuthorizationCode, opaque.PushedRequest} {
		refused(opaque.Write(kind, payload))
	}
	refused("tsd_" + base64.RawURLEncoding.EncodeToString(payload))
}

func TestKeys(t *testing.T) {
	ids, _ := newIDs()
	id := issue(t, ids, app())

	// After a rotation the old key still verifies.
	old, _ := ids.Keys(t.Context(), "")
	ids.Keys = ring{old, {ID: "CCCCDDDD", Key: []byte("the next key")}}.key
	if _, err := ids.Client(t.Context(), id); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	// When the key is gone, its ids are unknown. Another stage's key of that name does
	// not verify them.
	ids.Keys = ring{{ID: "CCCCDDDD", Key: []byte("the next key")}}.key
	if _, err := ids.Client(t.Context(), id); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("without the key: %v, want ErrUnknown", err)
	}
	ids.Keys = ring{{ID: old.ID, Key: []byte("of another stage")}}.key
	if _, err := ids.Client(t.Context(), id); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("with another key: %v, want ErrUnknown", err)
	}
	// When the keys cannot be read, the error is not a verdict on the client.
	down := errors.New("the secret cannot be read")
	ids.Keys = func(context.Context, string) (*keys.MACKey, error) { return nil, down }
	if _, err := ids.Client(t.Context(), id); !errors.Is(err, down) || errors.Is(err, client.ErrUnknown) {
		t.Errorf("without keys: %v, want the reason", err)
	}
	if _, _, err := ids.Issue(t.Context(), app()); !errors.Is(err, down) {
		t.Errorf("Issue without keys: %v, want the reason", err)
	}
}

func TestLife(t *testing.T) {
	ids, now := newIDs()
	id := issue(t, ids, app())
	*now = noon.Add(registration.Life - time.Second)
	if _, err := ids.Client(t.Context(), id); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	*now = noon.Add(registration.Life)
	if _, err := ids.Client(t.Context(), id); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("at its end: %v, want ErrUnknown", err)
	}
	if _, err := registration.Unverified(id, *now); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("Unverified at its end: %v, want ErrUnknown", err)
	}
	if registration.Life >= keys.MACLife {
		t.Errorf("an id lives %s, and the key under it %s", registration.Life, keys.MACLife)
	}
}

func TestTooLong(t *testing.T) {
	ids, _ := newIDs()
	m := app()
	for range 3 {
		m.RedirectURIs = append(m.RedirectURIs, "https://app.example.com/"+strings.Repeat("a", 480))
	}
	if id, _, err := ids.Issue(t.Context(), m); !errors.Is(err, registration.ErrTooLong) {
		t.Errorf("Issue = %d characters, %v, want ErrTooLong", len(id), err)
	}
	// What is issued can be read.
	m.RedirectURIs = m.RedirectURIs[:4]
	if _, err := ids.Client(t.Context(), issue(t, ids, m)); err != nil {
		t.Errorf("two long URIs: %v", err)
	}
}

// No text that was not issued is a client, and no text causes a panic.
func FuzzClient(f *testing.F) {
	ids, _ := newIDs()
	// A key of this process: what another one issued is a forgery here.
	ids.Keys = ring{{ID: "AAAABBBB", Key: []byte(rand.Text())}}.key
	id, _, err := ids.Issue(context.Background(), app())
	if err != nil {
		f.Fatal(err)
	}
	payload, err := opaque.Read(opaque.RegisteredClient, id)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add(payload[:50])
	f.Add([]byte{1})
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		text := opaque.Write(opaque.RegisteredClient, b)
		c, err := ids.Client(t.Context(), text)
		if err == nil && text != id {
			t.Errorf("Client(%q) = %+v", text, c)
		}
		if err != nil && !errors.Is(err, client.ErrUnknown) {
			t.Errorf("Client(%q) = %v, want ErrUnknown", text, err)
		}
		if c, err := registration.Unverified(text, noon); err == nil && (!c.SelfRegistered || c.FirstParty) {
			t.Errorf("Unverified(%q) = %+v", text, c)
		}
	})
}
