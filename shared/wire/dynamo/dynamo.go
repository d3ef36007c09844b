// Package dynamo gives a function its DynamoDB client.
package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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
	})
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
