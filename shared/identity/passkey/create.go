package passkey

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/tipstaff/tipstaff/shared/replay"
)

// algorithms are the signatures that we accept, the best first. RS256 is there for
// the TPMs of older Windows machines.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// Create returns what a browser is to have made for somebody who has these passkeys,
// as JSON (PublicKeyCredentialCreationOptionsJSON), or ErrTooMany. A device that
// holds one of them makes no second one. It stores nothing. Binding is as of SignIn,
// with what the new passkey belongs to.
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

// Registration is a passkey that somebody has made.
type Registration struct {
	Answer
	Subject string
	// Name is what the person calls it, "" for DefaultName with Device, which is
	// the browser in words.
	Name, Device string
}

// Attest judges a response to Create with the same binding, and returns the new
// passkey with the writes that make it one, for the transaction of the caller: the
// challenge, which is used up, then the passkey. It makes no call. Errors are as of
// Verify.
func (p *Party) Attest(ctx context.Context, r Registration) (*Passkey, []types.TransactWriteItem, error) {
	response, err := protocol.ParseCredentialCreationResponseBytes([]byte(r.Response))
	if err != nil {
		return nil, nil, refuse("", err)
	}
	challenge, err := p.challenged(ctx, &response.Response.CollectedClientData, r.Binding)
	if err != nil {
		return nil, nil, err
	}
	k, err := p.made(ctx, r.Subject, response)
	if err != nil {
		return nil, nil, err
	}
	k.Name = cmp.Or(CleanName(r.Name), DefaultName(k, r.Device))
	put := types.TransactWriteItem{Put: &types.Put{
		TableName: &p.Store.Registry, Item: Encode(k), ConditionExpression: new("attribute_not_exists(pk)"),
	}}
	return k, []types.TransactWriteItem{p.Replay.Write(ctx, replay.Challenge, challenge.id, challenge.expires), put}, nil
}

// made judges a response (WebAuthn §7.1) and returns what it has made.
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

// maxKey is the size of the largest key: RSA of 4096 bits has about 530 bytes, and a
// signature under a much larger one costs us time.
const maxKey = 1024

// usable refuses a key that no signature would be accepted under, before somebody
// relies on it.
func usable(key []byte) error {
	if len(key) > maxKey {
		return &RefusedError{Reason: "the key is too large"}
	}
	if _, err := webauthncose.ParsePublicKey(key); err != nil {
		return &RefusedError{Reason: "the key is malformed"}
	}
	return nil
}

// transports are those of the standard (WebAuthn §5.8.4), each once: the device says
// what it likes, and we keep it for every later request.
func transports(said []protocol.AuthenticatorTransport) []string {
	var known []string
	for _, t := range []protocol.AuthenticatorTransport{protocol.Internal, protocol.Hybrid, protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard} {
		if slices.Contains(said, t) {
			known = append(known, string(t))
		}
	}
	return known
}
