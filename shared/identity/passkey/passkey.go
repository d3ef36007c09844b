// Package passkey registers and verifies passkeys (Web Authentication, W3C).
//
// # Passkeys
//
// A passkey is a key pair. The private key stays in the authenticator: on the user's
// device, or in the account that synchronises their devices. The server stores the
// public key. To sign in, the authenticator verifies the user by finger, face or PIN and
// signs a challenge of the server. The stored data is of no use to a thief, and a
// passkey cannot be phished: the browser includes the origin in the signed data.
//
// # Ceremonies
//
// A [Party] is the relying party. [Verifier.SignIn] and [Party.Create] return the
// options for the browser. [Verifier.Verify] and [Party.Attest] verify the response. A
// result is final only once its writes are part of the caller's transaction. These make
// sure that a challenge is used once, and that a passkey which is removed at the same
// time cannot sign in. A [Verifier] is the part that a sign-in needs.
//
// # Stored data
//
// The passkeys of a user are items in the user's partition of the registry. The
// authenticator returns the subject that it got at the creation as the user handle, so
// the user signs in without typing a name. Two users may register the same credential
// id: a passkey is looked up by subject and credential id together.
package passkey

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/replay"
)

// Max is how many passkeys a user may have.
const Max = 20

var (
	// ErrRefused is returned when a response is not accepted: it is malformed, is
	// for another site, browser or purpose, or has a wrong signature. The error is
	// a [*RefusedError], which names the user.
	ErrRefused = errors.New("passkey was not accepted")
	// ErrExpired is returned when the challenge is older than [Life]. The user tries
	// again.
	ErrExpired = errors.New("challenge has expired")
	// ErrUnknown is returned when there is no such passkey or no such user.
	ErrUnknown = errors.New("no such passkey")
	// ErrTooMany is returned when the user has [Max] passkeys.
	ErrTooMany = errors.New("there are too many passkeys")
	// ErrDisabled is returned when the response is valid and the user is disabled.
	// The error is a [*DisabledError].
	ErrDisabled = errors.New("user is disabled")
)

// RefusedError is an [ErrRefused] with the reason, which contains no secret.
type RefusedError struct {
	// Subject is the user of the passkey that the response names and does not
	// prove. It is empty when there is no such user or no such passkey.
	Subject string
	Reason  string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%v: %s", ErrRefused, e.Reason) }

// Is reports whether target is [ErrRefused].
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// DisabledError is an [ErrDisabled] with the user.
type DisabledError struct{ User *identity.User }

func (e *DisabledError) Error() string { return fmt.Sprintf("%s: %v", e.User.Subject, ErrDisabled) }

// Is reports whether target is [ErrDisabled].
func (e *DisabledError) Is(target error) bool { return target == ErrDisabled }

// Passkey is a passkey of a user.
type Passkey struct {
	Subject string
	// Credential is the credential id, 1 to 1023 bytes.
	Credential []byte
	// Key is the public key, in COSE.
	Key []byte
	// Count is the highest signature counter that was seen. It stays 0 for a
	// passkey that is synchronised.
	Count uint32
	// Flags are those of the last authenticator data (WebAuthn §6.1).
	Flags byte
	// Transports are the ways to reach the authenticator, for later requests.
	Transports []string
	// AAGUID identifies the model of the authenticator, empty if unknown.
	AAGUID []byte
	// Name is the name that the user has given it.
	Name    string
	Created time.Time
	// Used is the time of its last sign-in, zero for never.
	Used time.Time
}

// ID returns the id of a passkey in addresses, forms and the audit trail: the SHA-256 of
// its credential id in hexadecimal digits.
func (p *Passkey) ID() string { return id(p.Credential) }

// Synced reports whether the passkey is stored in an account that synchronises it to new
// devices. Any other passkey is lost with its device.
func (p *Passkey) Synced() bool { return p.Flags&flagBackupEligible != 0 }

// flagBackupEligible is the flag BE of the authenticator data (WebAuthn §6.1).
const flagBackupEligible = 1 << 3

func id(credential []byte) string {
	sum := sha256.Sum256(credential)
	return hex.EncodeToString(sum[:])
}

// Verifier verifies sign-ins. It is safe for concurrent use.
type Verifier struct {
	// Issuer is the address of this server. Its host is the relying party id of all
	// passkeys, and it is the only accepted origin.
	Issuer     string
	Challenges *Challenges
	Store      *Store
	People     *identity.Store
	Replay     *replay.Store
}

// Party is a [Verifier] that can also register passkeys. A function that only verifies
// sign-ins does not need it, and its binary is much smaller without it.
type Party struct{ *Verifier }

// Answer is the response of a browser with the values to verify it.
type Answer struct {
	// Response is the credential in the JSON form of WebAuthn §5.1.
	Response string
	// Binding is the binding of the challenge, as in [Verifier.SignIn] and
	// [Party.Create].
	Binding string
	// RequestID joins audit entries to the log.
	RequestID string
}

// Person is the future user of a new passkey. For an invitation there is no
// [identity.User] yet.
type Person struct{ Subject, UserName, Name string }

// host returns the relying party id.
func (v *Verifier) host() (string, error) {
	u, err := url.Parse(v.Issuer)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("issuer %q has no host", v.Issuer)
	}
	return u.Hostname(), nil
}
