package passkey

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/replay"
)

// SignIn returns the options of a sign-in as JSON
// (PublicKeyCredentialRequestOptionsJSON): any passkey of this site, with user
// verification. It stores nothing. Binding names the purpose and the browser, and the
// response is accepted only with the same binding.
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

// Assertion is a verified sign-in. It is final only once Also is written.
type Assertion struct {
	User *identity.User
	// Passkey is the passkey after the sign-in.
	Passkey *Passkey
	// Also belongs to the transaction of the sign-in. It uses up the challenge,
	// updates the passkey, which must still exist, and if Regressed writes an audit
	// entry. The first two fail with an [ErrRefused].
	Also []dynamo.Write
	// Regressed is true if the signature counter did not increase: the passkey may
	// have been copied. It is no reason to refuse the sign-in.
	Regressed bool
}

// Verify verifies a response to [Verifier.SignIn] with the same binding. It makes two
// consistent reads, and none for a forged challenge. The error is [ErrRefused],
// [ErrExpired], [ErrUnknown] or [ErrDisabled], or that of the database or the keys.
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
	refused := &RefusedError{Subject: subject, Reason: "the response was used before, or the passkey is gone"}
	also := []dynamo.Write{
		v.Replay.Write(ctx, replay.Challenge, challenge.id, challenge.expires).Else(refused), v.Store.use(passkey).Else(refused),
	}
	if regressed {
		also = append(also, v.Store.entry(ctx, audit.PasskeyRegress, passkey, a.RequestID))
	}
	return &Assertion{User: user, Passkey: passkey, Also: also, Regressed: regressed}, nil
}

// maxHandle is the length of the longest user handle (WebAuthn §5.4.3).
const maxHandle = 64

// used is the challenge of a response.
type used struct {
	id      string
	expires time.Time
}

// challenged checks the challenge and the origin of the signed client data. The library
// treats origins as equal that differ in case, in the default port or in the part after
// the host. A browser reports exactly the issuer, so this check is exact.
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

// prove verifies a response by a passkey (WebAuthn §7.2), and returns the passkey to
// store. The Verify of the library does the steps that need cryptography. The steps that
// compare with stored data are here: the package of the library with all steps links a
// second encoding of every type.
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
	// An authenticator without a counter always sends 0.
	return &changed, said.Counter <= before.Count && before.Count != 0, nil
}

// The requirements of every ceremony: no frame of another origin, user verification,
// and user presence.
const (
	noFrames = false // the parameter would allow frames
	verified = true
	present  = true
)

// consistent reports whether only an eligible passkey is backed up (WebAuthn §6.1.3).
func consistent(flags protocol.AuthenticatorFlags) bool {
	return flags.HasBackupEligible() || !flags.HasBackupState()
}

// use returns the write of the changes of a sign-in. It holds while the passkey exists
// with the key that was used. Of two concurrent sign-ins the later write may lower the
// counter a little, which refuses neither.
func (s *Store) use(p *Passkey) dynamo.Write {
	return dynamo.Update(s.Registry, key(p.Subject, p.ID()), dynamo.Changes{Set: dynamo.Item{
		attrCount: dynamo.Number(int64(p.Count)), attrFlags: dynamo.Number(int64(p.Flags)), attrUsed: dynamo.Seconds(p.Used),
	}}, dynamo.Equal(attrKey, dynamo.Bytes(p.Key)))
}

// refuse returns a RefusedError with the reason of the library. It uses only the Details,
// since the DevInfo quotes the response.
func refuse(subject string, err error) error {
	reason := "the response is malformed"
	if refused, ok := errors.AsType[*protocol.Error](err); ok {
		reason = refused.Details
	}
	return &RefusedError{Subject: subject, Reason: reason}
}
