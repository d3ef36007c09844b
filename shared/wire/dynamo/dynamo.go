// Package dynamo gives a function its DynamoDB client.
package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

// Client returns a client that counts its calls in e.Calls.
func Client(e *wire.Env) *dynamodb.Client {
	return dynamodb.NewFromConfig(aws.Config(e), func(o *dynamodb.Options) {
		o.BaseEndpoint = aws.Endpoint(e, "DYNAMODB")
	})
}
