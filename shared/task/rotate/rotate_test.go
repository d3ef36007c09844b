package rotate_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/task/rotate"
	wireaws "github.com/tipstaff/tipstaff/shared/wire/aws"
)

const name = "tipstaff-test-keys"

// stage is a secret with its rotation, as a deployment creates them.
type stage struct {
	t      *testing.T
	store  *secrets.Store
	client *secretsmanager.Client
	db     *dynamodb.Client
	table  func(contract.Resource) string
	task   *rotate.Task
	now    time.Time
	// broken names a step that fails after it has run.
	broken string
	events []rotate.Event
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, now: time.Now().Truncate(time.Second)}
	s.db, s.table = enginetest.DB(t)
	store, err := secrets.Open(filepath.Join(t.TempDir(), "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	s.store = store
	declared := cfn.Secret{
		Name: name, ARN: "arn:aws:secretsmanager:eu-central-1:000000000000:secret:" + name + "-AbCdEf",
		Generate: &cfn.Generate{SecretStringTemplate: `{"format":"tipstaff-keys/0"}`, GenerateStringKey: "seed"},
	}
	if _, err := store.Ensure(declared); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	s.client = secretsmanager.New(secretsmanager.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: wireaws.Static("a", "b", ""),
	})
	clock := func(context.Context) time.Time { return s.now }
	s.task = &rotate.Task{
		Secrets: s.client, DB: s.db, Registry: s.table(contract.Registry),
		Trail:  &audit.Trail{Table: s.table(contract.Audit), Days: 30, Now: clock},
		Secret: name, Now: clock,
	}
	if err := store.Schedule(cfn.Rotation{Secret: declared.ARN, Function: "rotate"}, s.invoke); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e rotate.Event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	s.events = append(s.events, e)
	out, err := s.task.Invoke(ctx, payload)
	if err == nil && e.Step == s.broken {
		return nil, errors.New("killed after the step")
	}
	return out, err
}

func (s *stage) rotate() error { return s.store.Rotate(context.Background(), name) }

func (s *stage) current() *keys.Document {
	s.t.Helper()
	v := &vault.Vault{Client: s.client, Secret: name, Now: func(context.Context) time.Time { return s.now }}
	d, err := v.Document(context.Background())
	if err != nil {
		s.t.Fatalf("read the keys: %v", err)
	}
	return d
}

func (s *stage) entries() int32 {
	s.t.Helper()
	table := s.table(contract.Audit)
	out, err := s.db.Scan(context.Background(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Count
}

// usable fails unless every key that signs is published.
func (s *stage) usable() {
	s.t.Helper()
	store := &published.Store{DB: s.db, Table: s.table(contract.Registry), Now: func(context.Context) time.Time { return s.now }}
	for _, alg := range keys.Algorithms {
		active, err := s.current().Active(alg)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := store.Verifying(context.Background(), active.ID); err != nil {
			s.t.Errorf("the key that signs %s is not published: %v", alg, err)
		}
	}
}

func TestFirstRotationMakesTheKeys(t *testing.T) {
	s := newStage(t)
	if err := s.rotate(); err != nil {
		t.Fatalf("rotate: %v", err)
	}
	s.usable()
	if err := s.current().Test(); err != nil {
		t.Error(err)
	}
	if n := s.entries(); n != 1 {
		t.Errorf("audit entries = %d, want 1", n)
	}
}

func TestRotationsFollowEachOther(t *testing.T) {
	s := newStage(t)
	var before string
	for i := range 4 {
		if err := s.rotate(); err != nil {
			t.Fatalf("rotation %d: %v", i, err)
		}
		active, _ := s.current().Active(oauth.ES256)
		if active.ID == before {
			t.Errorf("rotation %d left the key as it was", i)
		}
		before = active.ID
		s.usable()
		s.now = s.now.Add(90 * 24 * time.Hour)
	}
	if n := s.entries(); n != 4 {
		t.Errorf("audit entries = %d, want one each", n)
	}
}

// A rotation that comes too early fails with the allowed time, and changes nothing.
func TestEarlyRotationChangesNothing(t *testing.T) {
	s := newStage(t)
	if err := s.rotate(); err != nil {
		t.Fatal(err)
	}
	before := s.current()
	s.now = s.now.Add(time.Hour)
	if err := s.rotate(); err == nil || !strings.Contains(err.Error(), "may not rotate before") {
		t.Errorf("rotate = %v, want a refusal with the time", err)
	}
	after := s.current()
	if before.Signing[0].ID != after.Signing[0].ID {
		t.Error("the keys changed")
	}
	s.usable()
	s.now = s.now.Add(2 * time.Hour)
	if err := s.rotate(); err != nil {
		t.Errorf("rotate later = %v", err)
	}
}

// The next rotation completes one that died after any step, and all signing keys are
// published at every time.
func TestRotationKilledAfterAnyStepIsCompleted(t *testing.T) {
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		t.Run(step, func(t *testing.T) {
			s := newStage(t)
			if err := s.rotate(); err != nil {
				t.Fatal(err)
			}
			s.now = s.now.Add(24 * time.Hour)
			s.broken = step
			if err := s.rotate(); err == nil {
				t.Fatal("the broken rotation went through")
			}
			s.usable()
			s.broken = ""
			s.now = s.now.Add(24 * time.Hour)
			if err := s.rotate(); err != nil {
				t.Fatalf("rotate again: %v", err)
			}
			s.usable()
		})
	}
}

// Running each step twice has the same result as once.
func TestEveryStepIsIdempotent(t *testing.T) {
	s := newStage(t)
	if err := s.rotate(); err != nil {
		t.Fatal(err)
	}
	before := s.current()
	for _, e := range s.events {
		payload, _ := json.Marshal(e)
		if _, err := s.task.Invoke(context.Background(), payload); err != nil {
			t.Errorf("%s again: %v", e.Step, err)
		}
	}
	after := s.current()
	if before.Signing[0].ID != after.Signing[0].ID || s.entries() != 1 {
		t.Errorf("a repeated event changed the keys or left %d entries", s.entries())
	}
}

func TestRefusals(t *testing.T) {
	s := newStage(t)
	arn := "arn:aws:secretsmanager:eu-central-1:000000000000:secret:"
	for _, payload := range []string{
		``, `[]`, `{}`,
		`{"Step":"createSecret","SecretId":"` + arn + `other-AbCdEf","ClientRequestToken":"x"}`,
		`{"Step":"createSecret","SecretId":"` + arn + name + `-evil-AbCdEf","ClientRequestToken":"x"}`,
		`{"Step":"createSecret","SecretId":"` + arn + name + `-AbCdEf","ClientRequestToken":"not-pending"}`,
	} {
		if out, err := s.task.Invoke(context.Background(), []byte(payload)); err == nil {
			t.Errorf("Invoke(%s) = %s, want an error", payload, out)
		}
	}
	if n := s.entries(); n != 0 {
		t.Errorf("refused events left %d audit entries", n)
	}
}

// The audit entry records the rotation and no key.
func TestEntryHoldsNoKey(t *testing.T) {
	s := newStage(t)
	if err := s.rotate(); err != nil {
		t.Fatal(err)
	}
	d := s.current()
	for _, r := range []contract.Resource{contract.Registry, contract.Audit} {
		table := s.table(r)
		out, err := s.db.Scan(context.Background(), &dynamodb.ScanInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(out.Items)
		data, _ := d.Marshal()
		var private struct {
			Signing []struct{ PKCS8 string }
			MAC     []struct{ Key string }
		}
		if err := json.Unmarshal(data, &private); err != nil || private.Signing[0].PKCS8 == "" {
			t.Fatal("the document has another shape")
		}
		for _, k := range private.Signing {
			if strings.Contains(string(text), k.PKCS8) {
				t.Errorf("table %s holds a private key", r)
			}
		}
		for _, k := range private.MAC {
			if strings.Contains(string(text), k.Key) {
				t.Errorf("table %s holds a MAC key", r)
			}
		}
	}
}
