package keys

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Public is the public half of a signing key, as the registry keeps it.
type Public struct {
	ID        string
	Algorithm string
	State     State
	Created   time.Time
	// Until is when the key stops being published. It is zero while that is open.
	Until time.Time
	// JWK is the key as a JSON Web Key (RFC 7517) with kid, use and alg.
	JWK json.RawMessage
}

// Public returns the public halves of all signing keys, in a fixed order.
func (d *Document) Public() ([]Public, error) {
	var publics []Public
	for _, k := range d.Signing {
		signer, err := k.Signer()
		if err != nil {
			return nil, err
		}
		jwk, err := json.Marshal(jose.JSONWebKey{Key: signer.Public(), KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"})
		if err != nil {
			return nil, fmt.Errorf("marshal key %s: %w", k.ID, err)
		}
		p := Public{ID: k.ID, Algorithm: k.Algorithm, State: k.State, Created: k.Created, JWK: jwk}
		if !k.Retired.IsZero() {
			p.Until = k.Retired.Add(retirement)
		}
		publics = append(publics, p)
	}
	return publics, nil
}

// Published returns the keys that a verifier should know at a time: all that are
// not gone, sorted, so that the key set has one form.
func Published(all []Public, now time.Time) []Public {
	var published []Public
	for _, p := range all {
		if p.State == Gone || (!p.Until.IsZero() && !now.Before(p.Until)) {
			continue
		}
		published = append(published, p)
	}
	slices.SortFunc(published, func(a, b Public) int {
		if c := strings.Compare(a.Algorithm, b.Algorithm); c != 0 {
			return c
		}
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return published
}

// Set returns the JSON Web Key Set (RFC 7517 §5) of the keys.
func Set(published []Public) ([]byte, error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: []json.RawMessage{}}
	for _, p := range published {
		set.Keys = append(set.Keys, p.JWK)
	}
	data, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("marshal the key set: %w", err)
	}
	return data, nil
}

// ErrUnknown is returned when no published signing key, MAC key or pepper has the
// id.
var ErrUnknown = errors.New("there is no key with this id")

// Verifying is a public key ready to verify with.
type Verifying struct {
	Algorithm string
	Key       crypto.PublicKey
}

// Verifying parses the key and checks that it fits its algorithm.
func (p Public) Verifying() (Verifying, error) {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(p.JWK); err != nil {
		return Verifying{}, fmt.Errorf("parse public key %s: %w", p.ID, err)
	}
	if !fits(p.Algorithm, jwk.Key) {
		return Verifying{}, fmt.Errorf("parse public key %s: it is no key for %s", p.ID, p.Algorithm)
	}
	return Verifying{Algorithm: p.Algorithm, Key: jwk.Key}, nil
}

// Newest returns when the newest signing key was made.
func (d *Document) Newest() time.Time {
	var newest time.Time
	for _, k := range d.Signing {
		if k.Created.After(newest) {
			newest = k.Created
		}
	}
	return newest
}

// Test signs with every key and verifies with its public half. It returns the first
// failure.
func (d *Document) Test() error {
	publics, err := d.Public()
	if err != nil {
		return err
	}
	for i, p := range publics {
		if err := d.Signing[i].test(p); err != nil {
			return fmt.Errorf("test key %s: %w", p.ID, err)
		}
	}
	return nil
}

func (k *Key) test(p Public) error {
	verifying, err := p.Verifying()
	if err != nil {
		return err
	}
	private, err := k.Signer()
	if err != nil {
		return err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.Algorithm), Key: private}, nil)
	if err != nil {
		return err
	}
	signed, err := signer.Sign([]byte(k.ID))
	if err != nil {
		return err
	}
	_, err = signed.Verify(verifying.Key)
	return err
}
