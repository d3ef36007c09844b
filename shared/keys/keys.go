// Package keys holds the keys of a stage and their rotation.
//
// # Document
//
// A stage has one document of private keys, stored as one secret. It holds signing
// keys for oauth.ES256 and oauth.RS256, a ring of MAC keys for opaque handles, and
// the peppers of passwords. See [Document].
//
// # Rotation
//
// For each algorithm one key is active and signs. One is next: it is already
// published. Those that signed before are retiring: they stay published until the
// last token that they signed has expired. A rotation moves all keys by one step:
//
//	(new) -> next -> active -> retiring -> gone
//
// A verifier may cache a key set for two hours, as API Gateway does. So a key is
// published that long before it signs, and for that long after its last token has
// expired.
//
// # Public keys
//
// The public halves stand in the registry table. There jwks and introspect read
// them without any access to the secret. See package published.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Algorithms lists the algorithms in the order in which keys are published.
var Algorithms = []string{oauth.ES256, oauth.RS256}

// State is where a key stands in its life.
type State string

// The states of a key.
const (
	Next     State = "next"     // published, does not sign yet
	Active   State = "active"   // signs
	Retiring State = "retiring" // verifies what it signed
	Gone     State = "gone"     // no longer published
)

// The times that bind a rotation.
const (
	// CacheLife is how long a verifier may use a key set it has fetched.
	CacheLife = 2 * time.Hour
	// MaxTokenLife is the longest lifetime of an access token.
	MaxTokenLife = time.Hour
	// StaleLife is how long a process may sign with keys that it can no longer
	// read again, so that an outage of the secret store stops no sign-in.
	StaleLife = 24 * time.Hour
	// MACSettles is how long after its creation a MAC key begins to make
	// handles. After that time every process has read it.
	MACSettles = 15 * time.Minute
	// MACLife is how long a MAC key is kept after its replacement. No handle
	// lives longer.
	MACLife = 401 * 24 * time.Hour
)

const rsaBits = 2048

// maxPublished is how many keys a key set may hold: an AWS load balancer
// refuses a larger one.
const maxPublished = 10

// format names the layout of the secret. A new layout gets a new name, and the old
// one remains readable.
const (
	format       = "tipstaff-keys/1"
	unbornFormat = "tipstaff-keys/0"
)

// Document is all private keys of a stage.
type Document struct {
	Format  string    `json:"format"`
	Signing []*Key    `json:"signing"`
	MAC     []*MACKey `json:"mac"`
	// Peppers are never removed. The newest is last. A document of an earlier
	// release has none until its next rotation.
	Peppers []*Pepper `json:"pepper,omitempty"`
}

// Key is a signing key.
type Key struct {
	// ID is the kid. It is random, so that it reveals nothing.
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	State     State  `json:"state"`
	// Created is when the key was made and published.
	Created time.Time `json:"created"`
	// Retired is when it stopped signing; zero while it has not.
	Retired time.Time `json:"retired,omitzero"`
	// PKCS8 is the private key (RFC 5208), DER.
	PKCS8 []byte `json:"pkcs8"`

	once   sync.Once
	signer crypto.Signer
	err    error
}

// ErrUnborn is returned when the secret was created and holds no keys yet.
var ErrUnborn = errors.New("the secret holds no keys yet")

// EarlyError is returned when a rotation comes too early: the next key has not been
// published for long enough, or too many old keys still are.
type EarlyError struct{ Until time.Time }

func (e *EarlyError) Error() string {
	return fmt.Sprintf("the keys may not rotate before %s: verifiers could lack the new ones or still need the old ones",
		e.Until.UTC().Format(time.RFC3339))
}

// Generate makes the first keys of a stage.
func Generate(now time.Time) (*Document, error) {
	d := &Document{Format: format}
	for _, alg := range Algorithms {
		for _, state := range []State{Active, Next} {
			k, err := newKey(alg, state, now)
			if err != nil {
				return nil, err
			}
			d.Signing = append(d.Signing, k)
		}
	}
	d.MAC = []*MACKey{newMACKey(now)}
	d.Peppers = []*Pepper{newPepper(now)}
	return d, nil
}

// Parse reads a document. It returns [ErrUnborn] for the initial value of a new
// secret.
func Parse(data []byte) (*Document, error) {
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		// The cause could quote the secret.
		return nil, errors.New("the secret is not a document of keys")
	}
	switch d.Format {
	case format:
	case unbornFormat:
		return nil, ErrUnborn
	default:
		return nil, fmt.Errorf("the secret has the unknown format %q", d.Format)
	}
	for _, alg := range Algorithms {
		if _, err := d.Active(alg); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(d.MAC, func(k *MACKey) bool { return k.State == Active }) {
		return nil, errors.New("the secret has no active MAC key")
	}
	return &d, nil
}

// Marshal writes the document in the format of [Parse].
func (d *Document) Marshal() ([]byte, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("marshal the keys: %w", err)
	}
	return data, nil
}

// Active returns the key that signs with alg.
func (d *Document) Active(alg string) (*Key, error) {
	for _, k := range d.Signing {
		if k.Algorithm == alg && k.State == Active {
			return k, nil
		}
	}
	return nil, fmt.Errorf("there is no active key for %s", alg)
}

// Signer returns the private key. It parses the key at the first use, since most
// processes sign with one algorithm only.
func (k *Key) Signer() (crypto.Signer, error) {
	k.once.Do(func() {
		parsed, err := x509.ParsePKCS8PrivateKey(k.PKCS8)
		if err != nil {
			k.err = fmt.Errorf("parse key %s: %w", k.ID, err)
			return
		}
		signer, ok := parsed.(crypto.Signer)
		if !ok || !fits(k.Algorithm, signer.Public()) {
			k.err = fmt.Errorf("parse key %s: it is no key for %s", k.ID, k.Algorithm)
			return
		}
		k.signer = signer
	})
	return k.signer, k.err
}

func fits(alg string, public crypto.PublicKey) bool {
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		return alg == oauth.ES256 && p.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return alg == oauth.RS256 && p.N.BitLen() >= rsaBits
	default:
		return false
	}
}

func newKey(alg string, state State, now time.Time) (*Key, error) {
	var private crypto.PrivateKey
	var err error
	if alg == oauth.RS256 {
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	} else {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("generate a key for %s: %w", alg, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("marshal a key for %s: %w", alg, err)
	}
	return &Key{ID: rand.Text(), Algorithm: alg, State: state, Created: now.UTC().Truncate(time.Second), PKCS8: der}, nil
}
