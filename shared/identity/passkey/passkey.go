// Package passkey lets people sign in with a passkey (Web Authentication, W3C).
//
// A passkey is a pair of keys. The private one stays on the person's device, or in
// the account that keeps their devices in step; we know the public one. To sign in,
// the browser has the device sign a challenge of ours, after the device has seen
// its owner's finger, face or PIN. Nothing that we keep is of use to who steals it,
// and nothing that the person does can be done at the wrong site: the browser puts
// the site's name into what is signed.
//
// A Party is our side, the relying party. It says what the browser is to ask the
// device for, SignIn and Create, and judges what comes back, Verify and Attest. What
// they return is not a fact yet: with it come writes that belong into the caller's
// transaction, so that a challenge is used once, and a passkey that is removed at the
// same moment opens nothing. A Verifier is the half of it that signs people in.
//
// The passkeys of a person lie beside them in the registry, one item each. The
// device tells who its owner is, by the subject that it was given at the creation,
// so that a person signs in without typing anything. The same credential id may be
// registered by two people: it is looked for below the subject that comes with it,
// and means nothing anywhere else.
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

// Max is how many passkeys a person may have.
const Max = 20

var (
	// ErrRefused says that a response proves nothing: it is malformed, of another
	// site, browser or purpose, or its signature is wrong. The error is a
	// *RefusedError, which knows whose passkey it was meant to be.
	ErrRefused = errors.New("passkey was not accepted")
	// ErrExpired says that the challenge was made more than Life ago. The person
	// tries again.
	ErrExpired = errors.New("challenge has expired")
	// ErrUnknown says that there is no such passkey, or nobody whose it could be.
	ErrUnknown = errors.New("no such passkey")
	// ErrTooMany says that the person has Max passkeys.
	ErrTooMany = errors.New("there are too many passkeys")
	// ErrDisabled says that a person proved who they are and may not sign in. The
	// error is a *DisabledError.
	ErrDisabled = errors.New("user is disabled")
)

// RefusedError is an ErrRefused with the reason, in which there is nothing secret.
type RefusedError struct {
	// Subject is the person whose passkey the response names and does not prove.
	// It is empty when there is no such person or no such passkey.
	Subject string
	Reason  string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%v: %s", ErrRefused, e.Reason) }

// Is makes it an ErrRefused.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// DisabledError is an ErrDisabled about somebody.
type DisabledError struct{ User *identity.User }

func (e *DisabledError) Error() string { return fmt.Sprintf("%s: %v", e.User.Subject, ErrDisabled) }

// Is makes it an ErrDisabled.
func (e *DisabledError) Is(target error) bool { return target == ErrDisabled }

// Passkey is one of a person's passkeys.
type Passkey struct {
	Subject string
	// Credential is the id under which the device knows it, 1 to 1023 bytes.
	Credential []byte
	// Key is the public key, in COSE.
	Key []byte
	// Count is the highest signature counter that was seen. It stays 0 where
	// devices are kept in step.
	Count uint32
	// Flags are those of the authenticator data that came last.
	Flags byte
	// Transports are the ways to reach the device, for other requests.
	Transports []string
	// AAGUID is the make of the authenticator, if it says so.
	AAGUID []byte
	// Name is what the person calls it.
	Name    string
	Created time.Time
	// Used is when it last signed in; zero for never.
	Used time.Time
}

// ID is what a passkey is called in addresses, forms and the audit trail: the
// SHA-256 of its credential id in hexadecimal digits.
func (p *Passkey) ID() string { return id(p.Credential) }

// Synced reports whether the passkey is kept in an account and comes to new devices
// by itself. One that does not is lost with its device.
func (p *Passkey) Synced() bool { return p.Flags&flagBackupEligible != 0 }

// flagBackupEligible is BE of the authenticator data (WebAuthn §6.1).
const flagBackupEligible = 1 << 3

func id(credential []byte) string {
	sum := sha256.Sum256(credential)
	return hex.EncodeToString(sum[:])
}

// Verifier signs people in. It is safe for concurrent use.
type Verifier struct {
	// Issuer is our own address. Its host is the name that passkeys are bound to,
	// and pages of any other origin are refused.
	Issuer     string
	Challenges *Challenges
	Store      *Store
	People     *identity.Store
	Replay     *replay.Store
}

// Party is a Verifier that can have passkeys made, too. What only signs people in has
// no use for that, and is a good deal smaller without it.
type Party struct{ *Verifier }

// Answer is what a browser sent, and what it is judged by.
type Answer struct {
	// Response is the credential in the JSON form of WebAuthn §5.1.
	Response string
	// Binding is that of the challenge, as in SignIn and Create.
	Binding string
	// RequestID joins audit entries to the log.
	RequestID string
}

// Person is for whom a passkey is created. Whoever is invited is one before there
// is a user.
type Person struct{ Subject, UserName, Name string }

// host is the relying party's id.
func (v *Verifier) host() (string, error) {
	u, err := url.Parse(v.Issuer)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("issuer %q has no host", v.Issuer)
	}
	return u.Hostname(), nil
}
