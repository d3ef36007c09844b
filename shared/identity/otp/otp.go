// Package otp is the second step of people who have an authenticator app: a code
// of six digits that changes every half minute (TOTP, RFC 6238), or one of ten
// recovery codes for the day on which the phone is gone.
//
// The app and we share a secret, from which both compute the code of the moment.
// Unlike a password it has to be kept so that it can be read. It stands in the
// registry sealed under a key that is derived from a pepper of the stage, which is
// not in the table: who steals the table can compute no code. A recovery code is
// random enough to be kept as a hash, and is, under such a key.
//
// Every code is good for one sign-in. Check judges a code and hands out the write
// that uses it up; the caller puts that write into the transaction of the sign-in.
// So of two who come with the same code, even at once, one gets in, and a code is
// not lost when the sign-in fails for another reason.
//
// That a person has an app stands on their user item too, as User.OTP, so that a
// sign-in knows without another read whether there is a second step. The app alone
// is no way to sign in. Whoever verifies codes reserves a try at the throttle
// first: six digits are soon guessed by one who may try for ever.
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
	// ErrWrong says that a code is not the person's, or not of this moment.
	ErrWrong = errors.New("code is wrong")
	// ErrUsed says that a code was right and somebody has signed in with it. The
	// person waits for the next one, half a minute at most.
	ErrUsed = errors.New("code was used")
	// ErrNone says that the person has no authenticator app.
	ErrNone = errors.New("person has no authenticator app")
	// ErrExists says that the person has an authenticator app already.
	ErrExists = errors.New("person has an authenticator app")
)

// Store is the authenticator apps of one stage. It is safe for concurrent use.
type Store struct {
	DB *dynamodb.Client
	// Registry is the physical name of the table.
	Registry string
	Peppers  identity.Peppers
	// People and Trail are needed by what changes something: Add, NewCodes and
	// Remove.
	People *identity.Store
	Trail  *audit.Trail
	Now    func(context.Context) time.Time
}

// State is what a person may know of their app.
type State struct {
	Has       bool
	CodesLeft int
	Since     time.Time
}

// State returns what a person has, with one consistent read.
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
	attrPepper  = "pepper" // the id of the one that the secret is sealed under
	attrLast    = "last"   // the latest time step of which a code was used
	attrCreated = "created"
	// The hashes of the recovery codes that are left, and the id of the pepper
	// that is in them; absent: none are left.
	attrCodes       = "codes"
	attrCodesPepper = "codes_pepper"
)

// enrolled is an item.
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

// texts is a set of texts, which is never empty.
func texts(values []string) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: values}
}

// read returns what a person has enrolled, or ErrNone, with one consistent read.
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
