// Package par keeps authorization requests that clients pushed ahead (RFC
// 9126).
//
// A client that pushes its request tells us the parameters itself, and sends the
// browser with nothing but a name for them. Nobody on the way can read or change
// what is asked for. The name is good for one client and, for a browser to arrive
// with, for Life. Whoever arrived in time may take up to Stay to sign in and to
// decide. The code that is issued in the end uses the name up; until then the
// pages may be loaded again.
//
// A name is 256 random bits, of which only the hash is kept.
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
	// Life is how long a browser may take to arrive with a request.
	Life = time.Minute
	// Stay is how long after that somebody may take who arrived in time.
	Stay = 10 * time.Minute
)

// ErrUnknown says that a request_uri names no request of the client that is
// still good: it never did, has expired, or was used.
var ErrUnknown = errors.New("no such pushed request")

// Store keeps the requests in the sessions table. It is safe for concurrent use.
type Store struct {
	DB       *dynamodb.Client
	Sessions string
	Now      func(context.Context) time.Time
}

// The layout of an item: "par#" and the SHA-256 of the random bytes in hex digits,
// and the sort key below. Times are epoch seconds.
const (
	sortKey = "par"

	attrClient     = "client"
	attrParameters = "params" // as a form
	attrArrive     = "arrive" // when a browser must have arrived
	attrUsed       = "used"   // random mark of the use; absent: not used
)

const nameLength = 32

// Push keeps the parameters of a client's request and returns the request_uri,
// and for how long it is good. It makes one write. Pushing the same again makes
// another request.
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

// Open returns the parameters of a request of that client, with one consistent
// read. Arrived is when the browser first came with the request_uri, which is now
// unless somebody can prove an earlier time. The error is ErrUnknown for another
// client's request as well.
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

// Consume uses a request up, with one write. It returns ErrUnknown when somebody
// else has used it, and nil for whoever did, also when the first reply to the
// write was lost.
func (s *Store) Consume(ctx context.Context, uri string) error {
	name, ok := read(uri)
	if !ok {
		return fmt.Errorf("use a pushed request: %w", ErrUnknown)
	}
	mark := rand.Text()
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Sessions, Key: key(name),
		UpdateExpression:                    new("SET #used = :mark"),
		ConditionExpression:                 new("attribute_exists(pk) AND attribute_not_exists(#used)"),
		ExpressionAttributeNames:            map[string]string{"#used": attrUsed},
		ExpressionAttributeValues:           dynamo.Item{":mark": dynamo.Text(mark)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
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
	return dynamo.Key("par#"+hex.EncodeToString(sum[:]), sortKey)
}

// attribute is a text or the digits of a number, "" for anything else.
func attribute(it dynamo.Item, name string) string {
	switch v := it[name].(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}
