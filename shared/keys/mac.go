package keys

import (
	"crypto/rand"
	"time"
)

// MACKey is a key of the HMAC-SHA-256 under opaque handles. The one that
// [Document.Minting] returns makes new handles. All of them verify.
type MACKey struct {
	// ID is in every handle, MACIDLength characters.
	ID      string    `json:"id"`
	State   State     `json:"state"`
	Created time.Time `json:"created"`
	Retired time.Time `json:"retired,omitzero"`
	Key     []byte    `json:"key"`
}

// MACIDLength is the length of the id of a MAC key, and of a pepper.
const MACIDLength = 8

// Pepper is the key of an HMAC-SHA-256 that is applied to every password before the
// hash. The hashes stand in a table and the pepper does not. So a stolen table alone
// is not enough to try a single password.
type Pepper struct {
	// ID is stored beside each hash that the pepper was used for.
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Key     []byte    `json:"key"`
}

// MACKey returns the MAC key with that id, or the active one for an empty id. It
// returns [ErrUnknown] when there is none.
func (d *Document) MACKey(id string) (*MACKey, error) {
	for _, k := range d.MAC {
		if k.ID == id || id == "" && k.State == Active {
			return k, nil
		}
	}
	return nil, ErrUnknown
}

// Minting returns the MAC key that makes new handles: the newest that has settled,
// so that every process can verify every handle. In a new stage no process has an
// older document, so it is the first key at once.
func (d *Document) Minting(now time.Time) (*MACKey, error) {
	for i := len(d.MAC) - 1; i >= 0; i-- {
		if k := d.MAC[i]; i == 0 || !now.Before(k.Created.Add(MACSettles)) {
			return k, nil
		}
	}
	return nil, ErrUnknown
}

// Pepper returns the pepper with that id, or the one for new hashes for an empty
// id. It returns [ErrUnknown] when there is none.
func (d *Document) Pepper(id string) (*Pepper, error) {
	for i := len(d.Peppers) - 1; i >= 0; i-- {
		if id == "" || d.Peppers[i].ID == id {
			return d.Peppers[i], nil
		}
	}
	return nil, ErrUnknown
}

func newMACKey(now time.Time) *MACKey {
	id, created, key := newSymmetric(now)
	return &MACKey{ID: id, State: Active, Created: created, Key: key}
}

func newPepper(now time.Time) *Pepper {
	id, created, key := newSymmetric(now)
	return &Pepper{ID: id, Created: created, Key: key}
}

func newSymmetric(now time.Time) (id string, created time.Time, key []byte) {
	key = make([]byte, 32)
	rand.Read(key) // never fails (crypto/rand)
	return rand.Text()[:MACIDLength], now.UTC().Truncate(time.Second), key
}
