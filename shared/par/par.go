// Package par stores pushed authorization requests (RFC 9126).
//
// A client pushes its parameters directly to us, and sends the browser with only a
// request_uri. So no party between them can read or change the parameters.
//
// # Lifetime
//
// A request_uri belongs to one client. A browser must arrive with it within [Life].
// A user who arrived in time may take up to [Stay] to sign in and to decide. Issuing
// the authorization code consumes the request_uri. Until then the pages may be
// reloaded.
//
// # Storage
//
// A request_uri contains 256 random bits. Only their hash is stored.
package par

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// URIPrefix begins the request_uri of every pushed request (RFC 9126 §2.2).
const URIPrefix = "urn:ietf:params:oauth:request_uri:"

const (
	// Life is how long a browser may take to arrive with a request_uri.
	Life = time.Minute
	// Stay is how long a user may take after a timely arrival.
	Stay = 10 * time.Minute
)

// ErrUnknown is returned when a request_uri does not name a valid request of the client:
// it never existed, has expired, or was used.
var ErrUnknown = errors.New("no such pushed request")

// Store stores the requests in the sessions table. It is safe for concurrent use.
type Store struct {
	DB       *dynamodb.Client
	Sessions string
	Now      func(context.Context) time.Time
}

// The layout of an item. The partition key is contract.PARPrefix with the SHA-256 of the
// random bytes in hex digits, and the sort key is below. Times are epoch seconds.
const (
	sortKey = "par"

	attrClient     = "client"
	attrParameters = "params" // as a form
	attrArrive     = "arrive" // when a browser must have arrived
	attrUsed       = "used"   // random mark of the use; absent: not used
)

const nameLength = 32

// Push stores the parameters of a client's request. It returns the request_uri and its
// lifetime. It makes one write. Pushing the same parameters again makes another request.
func (s *Store) Push(ctx context.Context, clientID string, params url.Values) (uri string, life time.Duration, err error) {
	name := make([]byte, nameLength)
	rand.Read(name) // never fails (crypto/rand)
	arrive := s.Now(ctx).Add(Life)
	it := key(name)
	it[attrClient] = dynamo.Text(clientID)
	it[attrParameters] = dynamo.Text(params.Encode())
	it[attrArrive] = dynamo.Seconds(arrive)
	it[contract.TTL] = dynamo.Seconds(arrive.Add(Stay))
	if _, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Sessions, Item: it}); err != nil {
		return "", 0, fmt.Errorf("keep a pushed request: %w", err)
	}
	return URIPrefix + opaque.Write(opaque.PushedRequest, name), Life, nil
}

// Open returns the parameters of a request of that client, with one consistent read.
// Arrived is when the browser first sent the request_uri. It is the current time unless
// the caller has proof of an earlier arrival. The error is [ErrUnknown] also for a
// request of another client.
func (s *Store) Open(ctx context.Context, clientID, uri string, arrived time.Time) (url.Values, error) {
	name, ok := read(uri)
	if !ok {
		return nil, fmt.Errorf("open a pushed request: the request_uri is malformed: %w", ErrUnknown)
	}
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Sessions, Key: key(name), ConsistentRead: new(true)})
	if err != nil {
		return nil, fmt.Errorf("open a pushed request: %w", err)
	}
	arrive, _ := strconv.ParseInt(attribute(out.Item, attrArrive), 10, 64) // none is long ago
	last := arrive + int64(Stay/time.Second)
	if attribute(out.Item, attrClient) != clientID || out.Item[attrUsed] != nil ||
		arrived.Unix() >= arrive || s.Now(ctx).Unix() >= last {
		return nil, fmt.Errorf("open a pushed request: %w", ErrUnknown)
	}
	params, err := url.ParseQuery(attribute(out.Item, attrParameters))
	if err != nil {
		return nil, fmt.Errorf("open a pushed request: %w", err)
	}
	return params, nil
}

// Consume uses a request, with one write. It returns [ErrUnknown] when another call has
// used it. It returns nil for the call that used it, also when the first reply to the
// write was lost.
func (s *Store) Consume(ctx context.Context, uri string) error {
	name, ok := read(uri)
	if !ok {
		return fmt.Errorf("use a pushed request: %w", ErrUnknown)
	}
	mark := rand.Text()
	_, err := s.DB.UpdateItem(ctx, dynamo.UpdateInput(s.Sessions, key(name),
		dynamo.Changes{Set: dynamo.Item{attrUsed: dynamo.Text(mark)}}, dynamo.Exists(), dynamo.Absent(attrUsed)))
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		if attribute(failed.Item, attrUsed) == mark {
			return nil
		}
		return fmt.Errorf("use a pushed request: %w", ErrUnknown)
	}
	if err != nil {
		return fmt.Errorf("use a pushed request: %w", err)
	}
	return nil
}

// read returns the random bytes in a request_uri.
func read(uri string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(uri, URIPrefix)
	if !ok {
		return nil, false
	}
	name, err := opaque.Read(opaque.PushedRequest, rest)
	return name, err == nil && len(name) == nameLength
}

func key(name []byte) dynamo.Item {
	sum := sha256.Sum256(name)
	return dynamo.Key(contract.PARPrefix.Of(hex.EncodeToString(sum[:])), sortKey)
}

// attribute returns a text or the digits of a number, "" for any other value.
func attribute(it dynamo.Item, name string) string {
	switch v := it[name].(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}
