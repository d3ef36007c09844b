package published_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

func TestVerifying(t *testing.T) {
	s := routetest.New(t)
	store := s.Published()
	for _, k := range s.Document.Signing {
		got, err := store.Verifying(context.Background(), k.ID)
		if err != nil || got.Algorithm != k.Algorithm {
			t.Errorf("Verifying(%s) = %+v, %v, want a key for %s", k.ID, got, err, k.Algorithm)
		}
	}
	if _, err := store.Verifying(context.Background(), "no-such-key"); !errors.Is(err, keys.ErrUnknown) {
		t.Errorf("Verifying(no-such-key) = %v, want ErrUnknown", err)
	}
}

// Unauthenticated callers choose kids: unknown ones cost one read in a few seconds.
func TestUnknownKidsAreLimited(t *testing.T) {
	s := routetest.New(t)
	store := s.Published()
	if _, err := store.Verifying(context.Background(), "a"); !errors.Is(err, keys.ErrUnknown) {
		t.Fatal(err)
	}
	store.Table = "no-such-table" // a read would now fail
	for range 100 {
		if _, err := store.Verifying(context.Background(), "b"); !errors.Is(err, keys.ErrUnknown) {
			t.Fatalf("Verifying = %v, want ErrUnknown without a read", err)
		}
	}
	s.Time = s.Time.Add(6 * time.Second)
	if _, err := store.Verifying(context.Background(), "b"); err == nil || errors.Is(err, keys.ErrUnknown) {
		t.Errorf("Verifying in an outage = %v, want the outage: the key may exist", err)
	}
	if _, err := store.Verifying(context.Background(), s.Document.Signing[0].ID); err != nil {
		t.Errorf("Verifying a key that is held, in an outage = %v", err)
	}
	if _, err := store.Verifying(context.Background(), "b"); err == nil || errors.Is(err, keys.ErrUnknown) {
		t.Errorf("Verifying again in an outage = %v, want the outage still", err)
	}
}

func TestCheck(t *testing.T) {
	s := routetest.New(t)
	if err := s.Published().Check(context.Background()); err != nil {
		t.Errorf("Check = %v", err)
	}
	empty := s.Published()
	empty.Table = s.Table("sessions")
	if err := empty.Check(context.Background()); err == nil {
		t.Error("Check of a table without keys = nil")
	}
}
