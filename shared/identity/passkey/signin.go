package passkey

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-webauthn/webauthn/protocol"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/replay"
)

// SignIn returns what a browser is to ask for when somebody signs in, as JSON
// (PublicKeyCredentialRequestOptionsJSON): any passkey of this site, with its owner
// proved to the device. It stores nothing. Binding says what the response will be
// good for; it belongs to the purpose and the browser.
func (v *Verifier) SignIn(ctx context.Context, binding string) (options string, err error) {
	challenge, err := v.Challenges.New(ctx, binding)
	if err != nil {
		return "", err
	}
	host, err := v.host()
	if err != nil {
		return "", err
	}
	return write(requestOptions{
		Challenge: challenge, RPID: host, UserVerification: protocol.VerificationRequired, Timeout: patience,
	})
}

// Assertion is a proof of who somebody is, once Also is written.
type Assertion struct {
	User *identity.User
	// Passkey is as it will be.
	Passkey *Passkey
	// Also belongs into the transaction of the sign-in: the challenge, which is
	// used up, then the passkey, which must be there still, and where Regressed
	// an audit entry.
	Also []types.TransactWriteItem
	// Regressed says that the signature counter did not go on: there may be a copy
	// of the passkey. It is no reason to keep anybody out.
	Regressed bool
}

// Verify judges a response to SignIn with the same binding. It makes two consistent
// reads, and none for a challenge that is not ours. The error is one of ErrRefused,
// ErrExpired, ErrUnknown and ErrDisabled, or says that nobody can tell.
func (v *Verifier) Verify(ctx context.Context, a Answer) (*Assertion, error) {
	response, err := protocol.ParseCredentialRequestResponseBytes([]byte(a.Response))
	if err != nil {
		return nil, refuse("", err)
	}
	challenge, err := v.challenged(ctx, &response.Response.CollectedClientData, a.Binding)
	if err != nil {
		return nil, err
	}
	subject := string(response.Response.UserHandle)
	if !strings.HasPrefix(subject, identity.SubjectPrefix) || len(subject) > maxHandle {
		return nil, ErrUnknown
	}
	user, err := v.People.Get(ctx, subject)
	if errors.Is(err, identity.ErrUnknown) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	passkey, err := v.Store.Get(ctx, subject, id(response.RawID))
	if err != nil {
		return nil, err
	}
	passkey, regressed, err := v.prove(ctx, passkey, response)
	if err != nil {
		return nil, err
	}
	if user.Disabled {
		return nil, &DisabledError{User: user}
	}
	also := []types.TransactWriteItem{
		v.Replay.Write(ctx, replay.Challenge, challenge.id, challenge.expires), v.Store.use(passkey),
	}
	if regressed {
		also = append(also, v.Store.Entry(ctx, audit.PasskeyRegress, passkey, a.RequestID))
	}
	return &Assertion{User: user, Passkey: passkey, Also: also, Regressed: regressed}, nil
}

// maxHandle is the length of the longest user handle (WebAuthn §5.4.3).
const maxHandle = 64

// used is a challenge that was answered.
type used struct {
	id      string
	expires time.Time
}

// challenged checks the challenge and the origin of what was signed. The library
// takes origins that differ in upper and lower case, in the default port or in
// what follows the host for the same. A browser reports exactly ours.
func (v *Verifier) challenged(ctx context.Context, signed *protocol.CollectedClientData, binding string) (used, error) {
	challenge, err := base64.RawURLEncoding.DecodeString(signed.Challenge)
	if err != nil {
		return used{}, &RefusedError{Reason: "the challenge is not ours"}
	}
	expires, err := v.Challenges.Check(ctx, challenge, binding)
	if err != nil {
		return used{}, err
	}
	if signed.Origin != v.Issuer {
		return used{}, &RefusedError{Reason: "the origin is not ours"}
	}
	return used{id: string(challenge), expires: expires}, nil
}

// prove judges a response by a passkey (WebAuthn §7.2), and returns the passkey as it
// is to be stored. The library's Verify does the steps that need cryptography; those
// about what was seen before are here. The package of it that has them all brings a
// second encoding of every type with it.
func (v *Verifier) prove(ctx context.Context, before *Passkey, response *protocol.ParsedCredentialAssertionData) (after *Passkey, regressed bool, err error) {
	host, err := v.host()
	if err != nil {
		return nil, false, err
	}
	err = response.Verify(response.Response.CollectedClientData.Challenge, host, "", // the challenge is ours
		[]string{v.Issuer}, nil, nil, protocol.TopOriginExplicitVerificationMode, noFrames, verified, present,
		before.Key, protocol.SignaturePolicy{})
	if err != nil {
		return nil, false, refuse(before.Subject, err)
	}
	said := response.Response.AuthenticatorData
	if said.Flags.HasBackupEligible() != before.Synced() || !consistent(said.Flags) {
		return nil, false, &RefusedError{Subject: before.Subject, Reason: "whether devices are kept in step is not as it was"}
	}
	changed := *before
	changed.Count, changed.Flags = max(before.Count, said.Counter), byte(said.Flags)
	changed.Used = v.Store.Now(ctx).UTC().Truncate(time.Second)
	// Who does not count says 0 always.
	return &changed, said.Counter <= before.Count && before.Count != 0, nil
}

// What is asked of every ceremony: nobody else's page around ours, the owner
// recognised, and at the device.
const (
	noFrames = false // the parameter allows them
	verified = true
	present  = true
)

// consistent reports whether a passkey that is backed up is one that can be.
func consistent(flags protocol.AuthenticatorFlags) bool {
	return flags.HasBackupEligible() || !flags.HasBackupState()
}

// use writes what a sign-in changes. It holds while the passkey is there with the
// key that was used. Of two sign-ins at once the later write may lower the counter
// a little; both are let in anyway.
func (s *Store) use(p *Passkey) types.TransactWriteItem {
	names := dynamo.Names(attrCount, attrFlags, attrUsed, attrKey)
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Registry, Key: key(p.Subject, p.ID()),
		UpdateExpression:         new("SET #count = :count, #flags = :flags, #used = :used"),
		ConditionExpression:      new("#key = :key"),
		ExpressionAttributeNames: names,
		ExpressionAttributeValues: dynamo.Item{
			":count": dynamo.Number(int64(p.Count)), ":flags": dynamo.Number(int64(p.Flags)),
			":used": dynamo.Seconds(p.Used), ":key": dynamo.Bytes(p.Key),
		},
	}}
}

// refuse says why the library refuses. Its Details are sentences; what was sent is
// quoted in its DevInfo, which stays where it is.
func refuse(subject string, err error) error {
	reason := "the response is malformed"
	if refused, ok := errors.AsType[*protocol.Error](err); ok {
		reason = refused.Details
	}
	return &RefusedError{Subject: subject, Reason: reason}
}
