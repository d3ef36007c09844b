package routetest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity/credential"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/replay"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// Passkeys is the relying party of the stage.
func (s *Stage) Passkeys() *passkey.Party {
	people := s.People()
	return &passkey.Party{Verifier: &passkey.Verifier{
		Issuer: Issuer, People: people,
		Challenges: &passkey.Challenges{Key: s.MACKey, Now: s.Now},
		Store:      &passkey.Store{DB: s.DB, Registry: people.Registry, Trail: people.Trail, People: people, Now: s.Now},
		Replay:     &replay.Store{DB: s.DB, Sessions: s.Table(contract.Sessions), Now: s.Now},
	}}
}

// Credentials is the service that changes the credentials of users.
func (s *Stage) Credentials() *credential.Service {
	people := s.People()
	return &credential.Service{
		Users: people, Passkeys: s.Passkeys().Store, Apps: s.Apps(), Sessions: s.Sessions(),
		Links:     &external.Store{DB: s.DB, Registry: people.Registry, People: people, Now: s.Now},
		Upstreams: &upstream.Store{DB: s.DB, Registry: people.Registry, Now: s.Now},
	}
}

// AddPasskey has an authenticator make a passkey for a user, and stores it.
func (s *Stage) AddPasskey(subject string, a *Authenticator) *passkey.Passkey {
	s.T.Helper()
	ctx, party := context.Background(), s.Passkeys()
	u, err := s.People().Get(ctx, subject)
	if err != nil {
		s.T.Fatal(err)
	}
	options, err := party.Create(ctx, passkey.Person{Subject: subject, UserName: u.UserName}, nil, "test")
	if err != nil {
		s.T.Fatal(err)
	}
	k, err := party.Attest(ctx, passkey.Registration{
		Subject: subject, Answer: passkey.Answer{Response: a.Create(options), Binding: "test"},
	})
	if err != nil {
		s.T.Fatal(err)
	}
	if err := party.Store.Add(ctx, u, k, ""); err != nil {
		s.T.Fatal(err)
	}
	return k.Passkey
}

// Authenticator is a device with passkeys, and the browser in front of it. It follows
// the options, except for the fields that a test sets.
type Authenticator struct {
	// Origin and RPID are the values that the browser reports, and Cross is true if a
	// page of another origin frames ours.
	Origin, RPID string
	Cross        bool
	// Unverified clears the flag that the user was verified, and Absent the flag that
	// a user was present.
	Unverified, Absent bool
	// Synced reports that passkeys are synced between devices.
	Synced bool
	// Flip has the flags of the authenticator data that are inverted.
	Flip byte
	// Counts is the step of the signature counter.
	Counts uint32
	// Algorithm is the algorithm of the next key, in COSE; ES256 if it is 0.
	Algorithm webauthncose.COSEAlgorithmIdentifier
	// Challenge and UserHandle, if not empty, replace the real ones.
	Challenge  []byte
	UserHandle string
	// AAGUID and Transports are those that the next passkey reports.
	AAGUID     []byte
	Transports []string

	t    testing.TB
	keys []held
}

// held is a passkey on the device.
type held struct {
	id     []byte
	user   string
	signer crypto.Signer
	public []byte // in COSE
	count  uint32
}

// Authenticator returns a new device at our own page.
func (s *Stage) Authenticator() *Authenticator { return NewAuthenticator(s.T, Issuer) }

// NewAuthenticator returns a new device at the pages of an origin.
func NewAuthenticator(t testing.TB, origin string) *Authenticator {
	t.Helper()
	at, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	return &Authenticator{Origin: origin, RPID: at.Hostname(), Counts: 1, Transports: []string{"internal"}, t: t}
}

// Clone returns a copy with copies of all passkeys, which count separately from now
// on.
func (a *Authenticator) Clone() *Authenticator {
	c := *a
	c.keys = slices.Clone(a.keys)
	return &c
}

// ceremony has the options that a device reads.
type ceremony struct {
	Challenge string `json:"challenge"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
}

func (a *Authenticator) read(options string) ceremony {
	a.t.Helper()
	var c ceremony
	if err := json.Unmarshal([]byte(options), &c); err != nil {
		a.t.Fatalf("options %q: %v", options, err)
	}
	if a.Challenge != nil {
		c.Challenge = base64.RawURLEncoding.EncodeToString(a.Challenge)
	}
	return c
}

// Create makes a passkey for the options of a page, and returns the response that the
// page gets, as JSON.
func (a *Authenticator) Create(options string) string {
	a.t.Helper()
	c := a.read(options)
	user, err := base64.RawURLEncoding.DecodeString(c.User.ID)
	if err != nil {
		a.t.Fatal(err)
	}
	k := held{id: make([]byte, 32), user: string(user)}
	rand.Read(k.id) // never fails (crypto/rand)
	k.signer, k.public = a.newKey()
	var aaguid [16]byte
	copy(aaguid[:], a.AAGUID)
	attested := slices.Concat(aaguid[:], []byte{0, byte(len(k.id))}, k.id, k.public)
	data := append(a.data(k.count, 1<<6), attested...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		a.t.Fatal(err)
	}
	a.keys = append(a.keys, k)
	return a.credential(k, map[string]any{
		"clientDataJSON": text(a.client("webauthn.create", c.Challenge)), "attestationObject": text(object), "transports": a.Transports,
	})
}

// Get signs in with the newest passkey for the options of a page, and returns the
// response that the page gets, as JSON.
func (a *Authenticator) Get(options string) string {
	a.t.Helper()
	if len(a.keys) == 0 {
		a.t.Fatal("the authenticator has no passkey")
	}
	k := &a.keys[len(a.keys)-1]
	k.count += a.Counts
	client, data := a.client("webauthn.get", a.read(options).Challenge), a.data(k.count, 0)
	sum := sha256.Sum256(client)
	user := k.user
	if a.UserHandle != "" {
		user = a.UserHandle
	}
	return a.credential(*k, map[string]any{
		"clientDataJSON": text(client), "authenticatorData": text(data), "userHandle": text([]byte(user)),
		"signature": text(a.sign(k.signer, append(data, sum[:]...))),
	})
}

// data returns the authenticator data (WebAuthn §6.1), without attested credential
// data.
func (a *Authenticator) data(count uint32, flags byte) []byte {
	for bit, on := range map[int]bool{0: !a.Absent, 2: !a.Unverified, 3: a.Synced, 4: a.Synced} {
		if on {
			flags |= 1 << bit
		}
	}
	rp := sha256.Sum256([]byte(a.RPID))
	return binary.BigEndian.AppendUint32(append(rp[:], flags^a.Flip), count)
}

// client returns the client data (WebAuthn §5.8.1).
func (a *Authenticator) client(kind, challenge string) []byte {
	data, _ := json.Marshal(map[string]any{ // always marshals
		"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": a.Cross,
	})
	return data
}

func (a *Authenticator) credential(k held, response map[string]any) string {
	data, _ := json.Marshal(map[string]any{ // always marshals
		"id": text(k.id), "rawId": text(k.id), "type": "public-key", "response": response,
	})
	return string(data)
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// newKey makes a key and writes its public half in COSE (RFC 9053).
func (a *Authenticator) newKey() (crypto.Signer, []byte) {
	a.t.Helper()
	var signer crypto.Signer
	var err error
	var public map[int]any
	switch a.Algorithm {
	case webauthncose.AlgEdDSA:
		var key ed25519.PrivateKey
		_, key, err = ed25519.GenerateKey(rand.Reader)
		signer, public = key, map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(key.Public().(ed25519.PublicKey))}
	case webauthncose.AlgRS256:
		var key *rsa.PrivateKey
		key, err = rsa.GenerateKey(rand.Reader, 2048)
		signer, public = key, map[int]any{1: 3, 3: -257, -1: key.N.Bytes(), -2: []byte{1, 0, 1}}
	case webauthncose.AlgES384:
		var key *ecdsa.PrivateKey
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		signer, public = key, curve(a, key, -35, 2)
	default:
		var key *ecdsa.PrivateKey
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		signer, public = key, curve(a, key, -7, 1)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	data, err := webauthncbor.Marshal(public)
	if err != nil {
		a.t.Fatal(err)
	}
	return signer, data
}

// curve writes the public half of a key on a curve.
func curve(a *Authenticator, key *ecdsa.PrivateKey, algorithm, curve int) map[int]any {
	a.t.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	half := len(point) / 2
	return map[int]any{1: 2, 3: algorithm, -1: curve, -2: point[1 : half+1], -3: point[half+1:]}
}

// sign signs a message with the hash of the key's algorithm.
func (a *Authenticator) sign(signer crypto.Signer, message []byte) []byte {
	a.t.Helper()
	hash, digest := crypto.SHA256, message
	switch key := signer.(type) {
	case ed25519.PrivateKey:
		hash = 0
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P384() {
			hash = crypto.SHA384
		}
	}
	if hash != 0 {
		h := hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	signature, err := signer.Sign(rand.Reader, digest, hash)
	if err != nil {
		a.t.Fatal(err)
	}
	return signature
}
