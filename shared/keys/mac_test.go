package keys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
)

// Through every rotation one MAC key is active, and each former one is kept for
// MACLife after its replacement.
func TestMACKeysStay(t *testing.T) {
	d := generate(t)
	first, err := d.Minting(born)
	if err != nil || len(first.ID) != keys.MACIDLength || len(first.Key) != 32 {
		t.Fatalf("the first MAC key = %+v, %v, want an id of %d and 32 bytes", first, err, keys.MACIDLength)
	}
	now, minting := born, first.ID
	for now.Before(born.Add(90*24*time.Hour + keys.MACLife)) {
		now = now.Add(90 * 24 * time.Hour)
		next, err := d.Advance(now)
		if err != nil {
			t.Fatal(err)
		}
		d = next
		young, err := d.Minting(now.Add(keys.MACSettles))
		if err != nil || young.ID == first.ID || bytes.Equal(young.Key, first.Key) || young.State != keys.Active {
			t.Errorf("at %v the new MAC key = %+v, %v, want another one", now, young, err)
		}
		// Before it has settled, some process may not know it.
		if before, err := d.Minting(now.Add(keys.MACSettles - 1)); err != nil || before.ID != minting {
			t.Errorf("at %v new handles are made by %+v, %v, want by %s still", now, before, err, minting)
		}
		minting = young.ID
		kept, err := d.MACKey(first.ID)
		if gone := !now.Before(born.Add(90*24*time.Hour + keys.MACLife)); gone {
			if !errors.Is(err, keys.ErrUnknown) {
				t.Errorf("at %v the first MAC key = %+v, %v, want ErrUnknown", now, kept, err)
			}
			continue
		}
		if err != nil || kept.State != keys.Retiring || !bytes.Equal(kept.Key, first.Key) {
			t.Errorf("at %v the first MAC key = %+v, %v, want it retiring", now, kept, err)
		}
	}
	if k, err := d.MACKey("NOTTHERE"); !errors.Is(err, keys.ErrUnknown) {
		t.Errorf("MACKey(NOTTHERE) = %+v, %v, want ErrUnknown", k, err)
	}
}

// A pepper is never replaced: only the users know the passwords that it protects.
func TestPepperStays(t *testing.T) {
	d := generate(t)
	pepper, err := d.Pepper("")
	if err != nil || len(pepper.Key) != 32 {
		t.Fatalf("Pepper = %+v, %v, want 32 bytes", pepper, err)
	}
	for i := range 20 {
		next, err := d.Advance(born.Add(time.Duration(i+1) * 90 * 24 * time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		data, err := next.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if d, err = keys.Parse(data); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"", pepper.ID} {
			if got, err := d.Pepper(id); err != nil || got.ID != pepper.ID || !bytes.Equal(got.Key, pepper.Key) {
				t.Errorf("after %d rotations Pepper(%q) = %+v, %v, want the first", i+1, id, got, err)
			}
		}
	}
	if p, err := d.Pepper("NOTTHERE"); !errors.Is(err, keys.ErrUnknown) {
		t.Errorf("Pepper(NOTTHERE) = %+v, %v, want ErrUnknown", p, err)
	}
}

// The document of an earlier release has no pepper and gets one.
func TestOldDocumentGetsAPepper(t *testing.T) {
	data, err := generate(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members["pepper"] == nil {
		t.Fatalf("the document has no member pepper: %v", err)
	}
	delete(members, "pepper")
	data, err = json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	old, err := keys.Parse(data)
	if err != nil {
		t.Fatalf("Parse of a document without pepper: %v", err)
	}
	if p, err := old.Pepper(""); !errors.Is(err, keys.ErrUnknown) {
		t.Errorf("Pepper = %+v, %v, want ErrUnknown", p, err)
	}
	next, err := old.Advance(born.Add(24 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := next.Pepper(""); err != nil || len(p.Key) != 32 {
		t.Errorf("after a rotation Pepper = %+v, %v, want one", p, err)
	}
}
