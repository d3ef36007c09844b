package otp

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

// The methods of an accepted code, in words for the trail.
const (
	MethodApp      = "otp"
	MethodRecovery = "recovery code"
)

// Accepted is a code that was right when it was read, and is not used up yet.
type Accepted struct {
	// Also uses the code up. It belongs into the transaction of what the code
	// permits: the condition in it does not hold when somebody was faster.
	Also []types.TransactWriteItem
	// Method is MethodApp or MethodRecovery.
	Method string
	// Left is how many recovery codes are left after this sign-in.
	Left int
}

// Check judges a code of u, of the app or a recovery code, as it was typed. It
// makes one consistent read, and none for what can be no code. The error is
// ErrWrong, ErrUsed, ErrNone, or a fault of ours. Whether the person is disabled is
// for the caller to know, and that a try was reserved at the throttle.
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
	// The secret is in the condition, so that a code of an app that was taken
	// away meanwhile does not pass for one of the next app.
	use := s.update(e.subject, "SET #last = :step", "#last < :step AND #secret = :secret", dynamo.Item{
		":step": dynamo.Number(at), ":secret": dynamo.Bytes(e.sealed),
	}, attrLast, attrSecret)
	return &Accepted{Also: []types.TransactWriteItem{use}, Method: MethodApp, Left: len(e.codes)}, nil
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
	// What is compared is an HMAC under a key that nobody has: its time tells
	// nothing.
	if !slices.Contains(e.codes, hash[0]) {
		return nil, ErrWrong
	}
	use := s.update(e.subject, "DELETE #codes :used", "contains(#codes, :hash)", dynamo.Item{
		":used": texts(hash), ":hash": dynamo.Text(hash[0]),
	}, attrCodes)
	return &Accepted{Also: []types.TransactWriteItem{use}, Method: MethodRecovery, Left: len(e.codes) - 1}, nil
}

// update is a conditional write of a person's item.
func (s *Store) update(subject, update, condition string, values dynamo.Item, names ...string) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Registry, Key: key(subject),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: dynamo.Names(names...), ExpressionAttributeValues: values,
	}}
}
