package vault_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	wireaws "github.com/tipstaff/tipstaff/shared/wire/aws"
)

// manager answers GetSecretValue with value, or fails like a throttled service.
type manager struct {
	value string
	down  bool
	calls int
}

func (m *manager) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	m.calls++
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if m.down {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"ThrottlingException","message":"slow down"}`))
		return
	}
	_, _ = w.Write([]byte(`{"ARN":"a","Name":"n","VersionId":"v","SecretString":` + strconv.Quote(m.value) + `}`))
}

func newVault(t *testing.T, m *manager, now *time.Time) *vault.Vault {
	t.Helper()
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return &vault.Vault{
		Client: secretsmanager.New(secretsmanager.Options{
			Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
			Credentials: wireaws.Static("a", "b", ""),
		}),
		Secret: "keys", Now: func(context.Context) time.Time { return *now },
	}
}

func document(t *testing.T, now time.Time) string {
	t.Helper()
	d, err := keys.Generate(now)
	if err != nil {
		t.Fatal(err)
	}
	return text(t, d)
}

func text(t *testing.T, d *keys.Document) string {
	t.Helper()
	data, err := d.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestKeysOutliveAnOutage(t *testing.T) {
	now := time.Now()
	m := &manager{value: document(t, now)}
	v := newVault(t, m, &now)
	ctx := context.Background()
	for range 3 {
		if _, err := v.Document(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if m.calls != 1 {
		t.Errorf("three requests made %d calls, want 1", m.calls)
	}
	m.down = true
	now = now.Add(23 * time.Hour)
	for range 3 {
		if _, err := v.Document(ctx); err != nil {
			t.Errorf("after 23 h of outage: %v", err)
		}
	}
	if m.calls != 2 {
		t.Errorf("three requests in an outage made %d calls, want 1", m.calls-1)
	}
	now = now.Add(2 * time.Hour)
	for range 2 {
		if d, err := v.Document(ctx); err == nil {
			t.Errorf("after 25 h of outage: %v, want an error", d)
		}
	}
	m.down = false
	if _, err := v.Document(ctx); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

func TestNewKeysArrive(t *testing.T) {
	now := time.Now()
	m := &manager{value: document(t, now)}
	v := newVault(t, m, &now)
	before, err := v.Document(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	m.value = document(t, now)
	now = now.Add(11 * time.Minute)
	after, err := v.Document(context.Background())
	if err != nil || after.Signing[0].ID == before.Signing[0].ID {
		t.Errorf("eleven minutes after a rotation: %v, still the old keys", err)
	}
}

// A process without keys refuses and never makes any.
func TestNoKeys(t *testing.T) {
	now := time.Now()
	for name, m := range map[string]*manager{
		"outage":   {down: true},
		"new":      {value: `{"format":"tipstaff-keys/0","seed":"x"}`},
		"garbage":  {value: `hunter2`},
		"no value": {value: ``},
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := newVault(t, m, &now).Document(context.Background()); err == nil {
				t.Errorf("Document = %v, want an error", d)
			}
		})
	}
}

// A process finds a key that another process already has, and invented key names
// cause no continuous reading.
func TestUnknownMACKey(t *testing.T) {
	now := time.Now()
	before, err := keys.Generate(now.Add(-24 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	after, err := before.Advance(now)
	if err != nil {
		t.Fatal(err)
	}
	old, fresh := before.MAC[0], after.MAC[1]
	m := &manager{value: text(t, before)}
	v := newVault(t, m, &now)
	ctx := context.Background()
	look := func(id string, calls int, want error) {
		t.Helper()
		had := m.calls
		k, err := v.MACKey(ctx, id)
		if !errors.Is(err, want) || want == nil && (id != "" && k.ID != id) {
			t.Errorf("MACKey(%q) = %+v, %v, want the error %v", id, k, err, want)
		}
		if m.calls-had != calls {
			t.Errorf("MACKey(%q) made %d calls, want %d", id, m.calls-had, calls)
		}
	}
	look("", 1, nil)
	look("MADEUP12", 0, keys.ErrUnknown) // the secret was read this moment
	m.value = text(t, after)
	look(fresh.ID, 0, keys.ErrUnknown)
	now = now.Add(5 * time.Second)
	look(fresh.ID, 1, nil)
	look("", 0, nil)
	if minting, _ := v.MACKey(ctx, ""); minting.ID != old.ID {
		t.Errorf("the key for new handles is %s, want the one that every process has: %s", minting.ID, old.ID)
	}
	look(old.ID, 0, nil)
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		_, _ = v.MACKey(ctx, "MADEUP12")
	}
	if m.calls != 4 {
		t.Errorf("100 made-up keys in ten seconds made %d calls, want 2", m.calls-2)
	}

	// While the secret cannot be read, the error for an unknown key is not ErrUnknown,
	// and a known key works.
	m.down = true
	now = now.Add(time.Minute)
	if _, err := v.MACKey(ctx, "MADEUP12"); err == nil || errors.Is(err, keys.ErrUnknown) {
		t.Errorf("MACKey in an outage = %v, want the error of the read", err)
	}
	look(old.ID, 0, nil)
	for range 10 {
		_, _ = v.MACKey(ctx, "MADEUP12")
	}
	if m.calls != 5 {
		t.Errorf("made-up keys in an outage made %d calls, want 1", m.calls-4)
	}
	m.down = false
	now = now.Add(5 * time.Second)
	look("MADEUP12", 1, keys.ErrUnknown)
}

func TestPepper(t *testing.T) {
	now := time.Now()
	d, err := keys.Generate(now)
	if err != nil {
		t.Fatal(err)
	}
	v := newVault(t, &manager{value: text(t, d)}, &now)
	want, _ := d.Pepper("")
	for _, id := range []string{"", want.ID} {
		if got, err := v.Pepper(context.Background(), id); err != nil || got.ID != want.ID {
			t.Errorf("Pepper(%q) = %+v, %v, want %s", id, got, err, want.ID)
		}
	}
	if got, err := v.Pepper(context.Background(), "MADEUP12"); !errors.Is(err, keys.ErrUnknown) {
		t.Errorf("Pepper(MADEUP12) = %+v, %v, want ErrUnknown", got, err)
	}
}
