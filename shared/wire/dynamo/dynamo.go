// Package dynamo gives a function its DynamoDB client.
package dynamo

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithy "github.com/aws/smithy-go/endpoints"

	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

// Client returns a client whose calls are counted in e.Calls.
func Client(e *wire.Env) *dynamodb.Client {
	return dynamodb.NewFromConfig(aws.Config(e), func(o *dynamodb.Options) {
		o.BaseEndpoint = aws.Endpoint(e, "DYNAMODB")
		o.EndpointResolverV2 = &resolved{rules: o.EndpointResolverV2}
		o.APIOptions = append(o.APIOptions, aws.Lean)
	})
}

// resolved remembers the endpoint of a client. The SDK looks for it anew with each
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
