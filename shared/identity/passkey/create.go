package passkey

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/replay"
)

// algorithms are the accepted signature algorithms, the best first. RS256 is for the
// TPMs of older Windows machines.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// Create returns the options for the creation of a passkey as JSON
// (PublicKeyCredentialCreationOptionsJSON), or [ErrTooMany]. Existing are the passkeys of
// the user: an authenticator that holds one of them creates no second one. Create stores
// nothing. Binding is as in [Verifier.SignIn], and also names what the new passkey
// belongs to.
func (p *Party) Create(ctx context.Context, who Person, existing []Passkey, binding string) (options string, err error) {
	if len(existing) >= Max {
		return "", ErrTooMany
	}
	challenge, err := p.Challenges.New(ctx, binding)
	if err != nil {
		return "", err
	}
	host, err := p.host()
	if err != nil {
		return "", err
	}
	o := creationOptions{
		RP: party{ID: host, Name: displayName}, User: who.describe(), Challenge: challenge, Timeout: patience,
		Selection: authenticator{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: true,
			UserVerification: protocol.VerificationRequired,
		},
		Attestation: protocol.PreferNoAttestation,
	}
	for _, a := range algorithms {
		o.Params = append(o.Params, parameter{Type: a.Type, Algorithm: a.Algorithm})
	}
	for _, k := range existing {
		o.Exclude = append(o.Exclude, k.describe())
	}
	return write(o)
}

// Registration is the response of a browser to [Party.Create].
type Registration struct {
	Answer
	Subject string
	// Name is the name that the user has chosen, "" for [DefaultName] with Device,
	// which is the browser in words.
	Name, Device string
}

// Made is a new passkey that is not stored yet: [Store.Add] gives it to its user. It can
// be used once.
type Made struct {
	*Passkey
	// challenge is the write that uses up the challenge of the response.
	challenge dynamo.Write
}

// Attest verifies a response to [Party.Create] with the same binding, and returns the new
// passkey. It makes no call to the database. The errors are those of [Verifier.Verify].
func (p *Party) Attest(ctx context.Context, r Registration) (*Made, error) {
	response, err := protocol.ParseCredentialCreationResponseBytes([]byte(r.Response))
	if err != nil {
		return nil, refuse("", err)
	}
	challenge, err := p.challenged(ctx, &response.Response.CollectedClientData, r.Binding)
	if err != nil {
		return nil, err
	}
	k, err := p.made(ctx, r.Subject, response)
	if err != nil {
		return nil, err
	}
	k.Name = cmp.Or(CleanName(r.Name), DefaultName(k, r.Device))
	return &Made{Passkey: k, challenge: p.Replay.Write(ctx, replay.Challenge, challenge.id, challenge.expires)}, nil
}

// made verifies a response (WebAuthn §7.1) and returns its passkey.
func (p *Party) made(ctx context.Context, subject string, response *protocol.ParsedCredentialCreationData) (*Passkey, error) {
	host, err := p.host()
	if err != nil {
		return nil, err
	}
	_, err = response.Verify(response.Response.CollectedClientData.Challenge, host, // the challenge is ours
		[]string{p.Issuer}, nil, nil, protocol.TopOriginExplicitVerificationMode, noFrames, verified, present,
		nil, algorithms, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return nil, refuse("", err)
	}
	said := response.Response.AttestationObject.AuthData
	if !consistent(said.Flags) {
		return nil, &RefusedError{Reason: "the passkey is backed up and cannot be"}
	}
	if err := usable(said.AttData.CredentialPublicKey); err != nil {
		return nil, err
	}
	return &Passkey{
		Subject: subject, Credential: said.AttData.CredentialID, Key: said.AttData.CredentialPublicKey,
		Count: said.Counter, Flags: byte(said.Flags), Transports: transports(response.Response.Transports),
		AAGUID: said.AttData.AAGUID, Created: p.Store.Now(ctx).UTC().Truncate(time.Second),
	}, nil
}

// maxKey is the size of the largest public key in bytes. RSA of 4096 bits has about 530,
// and the verification with a much larger key takes too long.
const maxKey = 1024

// usable refuses a key that could not verify any signature, before the user relies on
// it.
func usable(key []byte) error {
	if len(key) > maxKey {
		return &RefusedError{Reason: "the key is too large"}
	}
	if _, err := webauthncose.ParsePublicKey(key); err != nil {
		return &RefusedError{Reason: "the key is malformed"}
	}
	return nil
}

// transports returns the transports of the standard (WebAuthn §5.8.4), each once. The
// authenticator may send any text, and the result is stored for later requests.
func transports(said []protocol.AuthenticatorTransport) []string {
	var known []string
	for _, t := range []protocol.AuthenticatorTransport{protocol.Internal, protocol.Hybrid, protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard} {
		if slices.Contains(said, t) {
			known = append(known, string(t))
		}
	}
	return known
}
