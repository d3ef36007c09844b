package replay_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/replay"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// bench is a store on an empty table, behind a wire with the faults of a test.
type bench struct {
	*sessiontest.Bench
	store *replay.Store
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := sessiontest.New(t)
	return &bench{Bench: b, store: &replay.Store{DB: b.DB, Sessions: b.Sessions, Now: b.Clock.Tell}}
}

func (b *bench) once(kind replay.Kind, life time.Duration, id string) error {
	return b.store.Once(context.Background(), kind, id, b.Clock.Now().Add(life))
}

func TestAnIDIsAcceptedOnce(t *testing.T) {
	b := newBench(t)
	if err := b.once(replay.Proof, time.Minute, "key a"); err != nil {
		t.Fatalf("the first = %v, want nil", err)
	}
	for range 2 {
		if err := b.once(replay.Proof, time.Minute, "key a"); !errors.Is(err, replay.ErrSeen) {
			t.Errorf("the same again = %v, want ErrSeen", err)
		}
	}
	others := map[string]string{
		"another id": "key b", "a prefix": "key ", "a suffix": "y a", "in another case": "KEY A", "with a NUL": "key a\x00",
		"an empty one": "", "a long one": strings.Repeat("x", 4096), "not UTF-8": "\xff", "a separator of ours": "#",
	}
	for name, id := range others {
		if err := b.once(replay.Proof, time.Minute, id); err != nil {
			t.Errorf("%s = %v, want nil", name, err)
		}
	}
}

// Keycloak CVE-2026-4325, -4282: in one flat store a value of one kind uses up,
// or stands for, a value of another.
func TestKeycloakCVE20264325KindsAreApart(t *testing.T) {
	b := newBench(t)
	for _, kind := range []replay.Kind{replay.Proof, replay.Assertion} {
		if err := b.once(kind, time.Minute, "a b"); err != nil {
			t.Errorf("%s = %v, want nil", kind, err)
		}
		if err := b.once(kind, time.Minute, "a b"); !errors.Is(err, replay.ErrSeen) {
			t.Errorf("%s again = %v, want ErrSeen", kind, err)
		}
	}
}

// One of all concurrent requests with the same id is the first.
func TestOneOfManyIsFirst(t *testing.T) {
	b := newBench(t)
	for round := range 5 {
		var first, seen atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				switch err := b.once(replay.Assertion, time.Minute, "client "+string(rune('a'+round))); {
				case err == nil:
					first.Add(1)
				case errors.Is(err, replay.ErrSeen):
					seen.Add(1)
				default:
					t.Errorf("Once = %v", err)
				}
			})
		}
		all.Wait()
		if first.Load() != 1 || seen.Load() != 15 {
			t.Errorf("round %d: %d were first and %d were not, want 1 and 15", round, first.Load(), seen.Load())
		}
	}
}

// A call with a lost response returns the right result, and no other call is taken for
// it.
func TestLostReply(t *testing.T) {
	b := newBench(t)
	lost := 0
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault {
		lost++
		return sessiontest.Fault{Drop: lost == 1}
	})
	if err := b.once(replay.Proof, time.Minute, "a"); err != nil {
		t.Errorf("after a lost reply = %v, want nil", err)
	}
	if lost != 2 {
		t.Errorf("the store was asked %d times, want twice", lost)
	}
	if err := b.once(replay.Proof, time.Minute, "a"); !errors.Is(err, replay.ErrSeen) {
		t.Errorf("the same again = %v, want ErrSeen", err)
	}
	lost = 0
	if err := b.once(replay.Proof, time.Minute, "a"); !errors.Is(err, replay.ErrSeen) {
		t.Errorf("the same again, with a lost reply = %v, want ErrSeen", err)
	}
}

// A database error is neither success nor ErrSeen.
func TestAnOutageIsNoResult(t *testing.T) {
	b := newBench(t)
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault {
		return sessiontest.Fault{Error: "ProvisionedThroughputExceededException"}
	})
	if err := b.once(replay.Proof, time.Minute, "a"); err == nil || errors.Is(err, replay.ErrSeen) {
		t.Errorf("during an outage = %v, want another error than ErrSeen", err)
	}
	b.Wire.Inject(nil)
	if err := b.once(replay.Proof, time.Minute, "a"); err != nil {
		t.Errorf("after it = %v, want nil", err)
	}
}

// An id is kept through its last second, and no longer even if the item still exists.
func TestAnIDIsKeptThroughItsLastSecond(t *testing.T) {
	b := newBench(t)
	if err := b.once(replay.Proof, time.Minute, "a"); err != nil {
		t.Fatal(err)
	}
	b.Clock.Turn(time.Minute)
	if err := b.once(replay.Proof, time.Minute, "a"); !errors.Is(err, replay.ErrSeen) {
		t.Errorf("at its time = %v, want ErrSeen", err)
	}
	b.Clock.Turn(2 * time.Second)
	if err := b.once(replay.Proof, time.Minute, "a"); err != nil {
		t.Errorf("after its time = %v, want nil", err)
	}
	if err := b.once(replay.Proof, time.Minute, "a"); !errors.Is(err, replay.ErrSeen) {
		t.Errorf("again after its time = %v, want ErrSeen", err)
	}
}

// An id takes one write, and the table does not contain it.
func TestItem(t *testing.T) {
	b := newBench(t)
	cost := b.Wire.Count(func() {
		if err := b.once(replay.Proof, time.Minute, "the-id-of-a-client"); err != nil {
			t.Error(err)
		}
	})
	if len(cost.Calls) != 1 || cost.Calls[0] != "UpdateItem" || cost.Write != 1 {
		t.Errorf("Once costs %s, want one UpdateItem of one unit", cost)
	}
	out, err := b.Raw.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.Sessions})
	if err != nil || len(out.Items) != 1 {
		t.Fatalf("items = %v, %v, want one", out.Items, err)
	}
	for name, value := range out.Items[0] {
		if s, ok := value.(*types.AttributeValueMemberS); ok && strings.Contains(s.Value, "the-id-of-a-client") {
			t.Errorf("%s = %q tells the id", name, s.Value)
		}
	}
	if n, ok := out.Items[0]["ttl"].(*types.AttributeValueMemberN); !ok || n.Value == "" {
		t.Errorf("ttl = %v, want a number", out.Items[0]["ttl"])
	}
}
