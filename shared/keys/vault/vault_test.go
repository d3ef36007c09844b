package vault_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
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
			Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		}),
		Secret: "keys", Now: func() time.Time { return *now },
	}
}

func document(t *testing.T, now time.Time) string {
	t.Helper()
	d, err := keys.Generate(now)
	if err != nil {
		t.Fatal(err)
	}
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
	if d, err := v.Document(ctx); err == nil {
		t.Errorf("after 25 h of outage: %v, want an error", d)
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

// A process without keys refuses; it never makes up any.
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
