// Package otp verifies the second step of users with an authenticator app: a code of
// six digits that changes every 30 seconds (TOTP, RFC 6238), or one of ten recovery
// codes for a lost phone.
//
// # Stored data
//
// The app and the server share a [Secret], from which both compute the current code.
// Unlike a password, the secret must be stored in a readable form. The registry holds it
// sealed under a key that is derived from a pepper of the stage. The pepper is not in
// the table, so a stolen table yields no code. A recovery code is stored as an HMAC under
// another such key.
//
// # Single use
//
// Every code is valid for one sign-in. [Store.Check] verifies a code and returns the
// write that uses it up. The caller adds that write to the transaction of the sign-in.
// So one of two concurrent sign-ins with the same code succeeds, and a code is not lost
// when the sign-in fails for another reason.
//
// # The second step
//
// The user item records that there is an app, as [identity.User.OTP], so that a sign-in
// knows without another read whether there is a second step. The app alone is no way to
// sign in. The caller reserves an attempt at the throttle before it verifies a code:
// without a limit six digits can be guessed.
package otp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

var (
	// ErrWrong is returned when a code is malformed, or is none of the user's
	// current codes.
	ErrWrong = errors.New("code is wrong")
	// ErrUsed is returned when a code is right and was used. The user waits for the
	// next one, at most 30 seconds.
	ErrUsed = errors.New("code was used")
	// ErrNone is returned when the user has no authenticator app.
	ErrNone = errors.New("user has no authenticator app")
	// ErrExists is returned when the user already has an authenticator app.
	ErrExists = errors.New("user has an authenticator app")
)

// Store is the authenticator apps of one stage. It is safe for concurrent use.
type Store struct {
	DB *dynamodb.Client
	// Registry is the physical name of the table.
	Registry string
	Peppers  identity.Peppers
	// People and Trail are needed by the methods that change something: [Store.Add],
	// [Store.NewCodes] and [Store.Remove].
	People *identity.Store
	Trail  *audit.Trail
	Now    func(context.Context) time.Time
}

// State is what a user may see of their app.
type State struct {
	Has       bool
	CodesLeft int
	Since     time.Time
}

// State returns the state of a user's app, with one consistent read.
func (s *Store) State(ctx context.Context, subject string) (State, error) {
	e, err := s.read(ctx, subject)
	if errors.Is(err, ErrNone) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	return State{Has: true, CodesLeft: len(e.codes), Since: e.created}, nil
}

// The layout of an item. A new attribute is optional.
const (
	sk = "otp"

	attrSecret  = "secret" // sealed
	attrPepper  = "pepper" // the id of the pepper that the secret is sealed under
	attrLast    = "last"   // the latest time step with a used code
	attrCreated = "created"
	// The hashes of the remaining recovery codes, and the id of their pepper;
	// absent: none remain.
	attrCodes       = "codes"
	attrCodesPepper = "codes_pepper"
)

// enrolled is the content of an item.
type enrolled struct {
	subject             string
	sealed              []byte
	pepper, codesPepper string
	last                int64
	codes               []string
	created             time.Time
}

func key(subject string) dynamo.Item { return dynamo.Key(contract.UserPrefix.Of(subject), sk) }

func (e *enrolled) encode() dynamo.Item {
	it := key(e.subject)
	it[attrSecret], it[attrPepper] = dynamo.Bytes(e.sealed), dynamo.Text(e.pepper)
	it[attrLast], it[attrCreated] = dynamo.Number(e.last), dynamo.Seconds(e.created)
	it[attrCodes], it[attrCodesPepper] = texts(e.codes), dynamo.Text(e.codesPepper)
	return it
}

// texts returns the attribute of a set of texts, which must not be empty.
func texts(values []string) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: values}
}

// read returns the item of a user, or ErrNone, with one consistent read.
func (s *Store) read(ctx context.Context, subject string) (*enrolled, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.Registry, Key: key(subject), ConsistentRead: new(true),
	})
	if err != nil {
		return nil, fmt.Errorf("read the authenticator app of %s: %w", subject, err)
	}
	if len(out.Item) == 0 {
		return nil, ErrNone
	}
	return decode(subject, out.Item)
}

// decode reads what encode wrote.
func decode(subject string, it dynamo.Item) (*enrolled, error) {
	r := dynamo.Reader{Item: it}
	e := &enrolled{
		subject: subject, sealed: r.Bytes(attrSecret), pepper: r.Text(attrPepper), codesPepper: r.Text(attrCodesPepper),
		last: r.Number(attrLast), created: r.Time(attrCreated),
	}
	switch codes := it[attrCodes].(type) {
	case nil:
	case *types.AttributeValueMemberSS:
		e.codes = codes.Value
	default:
		r.Fail(attrCodes)
	}
	if e.pepper == "" {
		r.Fail(attrPepper)
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("authenticator app of %s: %w", subject, r.Err())
	}
	return e, nil
}
