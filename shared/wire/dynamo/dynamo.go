// Package dynamo gives a function its DynamoDB client.
package dynamo

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithy "github.com/aws/smithy-go/endpoints"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

// DB is a client of the tables. Routes pass it on under this name and link no SDK
// package themselves.
type DB = dynamodb.Client

// Client returns a client that counts its calls in e.Calls.
func Client(e *wire.Env) *DB {
	return dynamodb.NewFromConfig(aws.Config(e), func(o *dynamodb.Options) {
		o.BaseEndpoint = aws.Endpoint(e, "DYNAMODB")
		o.EndpointResolverV2 = &resolved{rules: o.EndpointResolverV2}
		o.APIOptions = append(o.APIOptions, aws.Lean)
	})
}

// resolved remembers the endpoint of a client. The SDK looks for it with each
// call, and it is always the same: one region, and no account in the host name.
type resolved struct {
	rules dynamodb.EndpointResolverV2

	mu       sync.Mutex
	endpoint *smithy.Endpoint
}

// ResolveEndpoint follows the rules until they have led to an endpoint once.
func (r *resolved) ResolveEndpoint(ctx context.Context, p dynamodb.EndpointParameters) (smithy.Endpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.endpoint == nil {
		found, err := r.rules.ResolveEndpoint(ctx, p)
		if err != nil {
			return found, err
		}
		r.endpoint = &found
	}
	return *r.endpoint, nil
}

// Readable returns a check that reads from a table, under a key under which nothing
// is ever stored.
func Readable(db *DB, table string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := db.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: &table, Key: dynamo.Key("ready", "ready"), ConsistentRead: new(true),
		})
		return err
	}
}
