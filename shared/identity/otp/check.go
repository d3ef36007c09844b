package otp

import (
	"context"
	"fmt"
	"slices"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

// The methods of an accepted code, in words for the audit trail.
const (
	MethodApp      = "otp"
	MethodRecovery = "recovery code"
)

// Accepted is a valid code that is not used up yet.
type Accepted struct {
	// Use uses the code up. It belongs to the transaction that the code permits,
	// and fails with [ErrUsed] when another request has used the code.
	Use dynamo.Write
	// Method is [MethodApp] or [MethodRecovery].
	Method string
	// Left is how many recovery codes remain after this sign-in.
	Left int
}

// Check verifies a code of u as it was typed, of the app or a recovery code. It makes
// one consistent read, and none for a text that cannot be a code. The error is
// [ErrWrong], [ErrUsed], [ErrNone], or that of the database or the keys. The caller has
// checked that the user is not disabled, and has reserved an attempt at the throttle.
func (s *Store) Check(ctx context.Context, u *identity.User, typed string) (*Accepted, error) {
	code := Normalize(typed)
	if code == "" {
		return nil, ErrWrong
	}
	e, err := s.read(ctx, u.Subject)
	if err != nil {
		return nil, err
	}
	if ofApp(code) {
		return s.checkApp(ctx, e, code)
	}
	return s.checkRecovery(ctx, e, code)
}

func (s *Store) checkApp(ctx context.Context, e *enrolled, code string) (*Accepted, error) {
	p, err := s.Peppers(ctx, e.pepper)
	if err != nil {
		return nil, fmt.Errorf("open the secret of %s: %w", e.subject, err)
	}
	secret, err := unseal(p, e.subject, e.sealed)
	if err != nil {
		return nil, fmt.Errorf("open the secret of %s: %w", e.subject, err)
	}
	at, ok, err := secret.match(code, s.Now(ctx))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrWrong
	}
	if at <= e.last {
		return nil, ErrUsed
	}
	// The secret is in the condition, so that the code of an app that was removed
	// since the read is not accepted for the next app.
	use := dynamo.Update(s.Registry, key(e.subject), dynamo.Changes{Set: dynamo.Item{attrLast: dynamo.Number(at)}},
		dynamo.Less(attrLast, dynamo.Number(at)), dynamo.Equal(attrSecret, dynamo.Bytes(e.sealed))).Else(ErrUsed)
	return &Accepted{Use: use, Method: MethodApp, Left: len(e.codes)}, nil
}

func (s *Store) checkRecovery(ctx context.Context, e *enrolled, code string) (*Accepted, error) {
	if len(e.codes) == 0 {
		return nil, ErrWrong
	}
	p, err := s.Peppers(ctx, e.codesPepper)
	if err != nil {
		return nil, fmt.Errorf("judge a recovery code of %s: %w", e.subject, err)
	}
	hash, err := hashes(p, e.subject, []string{code})
	if err != nil {
		return nil, err
	}
	// The compared value is an HMAC under a secret key, so the time of the
	// comparison reveals nothing.
	if !slices.Contains(e.codes, hash[0]) {
		return nil, ErrWrong
	}
	use := dynamo.Update(s.Registry, key(e.subject), dynamo.Changes{Delete: map[string]string{attrCodes: hash[0]}},
		dynamo.Contains(attrCodes, hash[0])).Else(ErrUsed)
	return &Accepted{Use: use, Method: MethodRecovery, Left: len(e.codes) - 1}, nil
}
