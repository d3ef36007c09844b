package engine

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

// Region is the region of the engine.
const Region = "us-east-1"

// Client returns a client of the engine at url. No IAM policy limits it. All such
// clients share their connections, and [Engine.Close] closes them.
func Client(url string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		HTTPClient:   connections,
		Region:       Region,
		BaseEndpoint: &url,
		Credentials:  aws.Static("engine", "engine", ""),
	})
}

var connections = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// CreateTable creates a table with this physical name, with capacity on demand
// and with its TTL attribute. If the table exists, the error is a
// [types.ResourceInUseException].
func CreateTable(ctx context.Context, db *dynamodb.Client, t contract.Table, name string) error {
	if _, err := db.CreateTable(ctx, createInput(t, name)); err != nil {
		return fmt.Errorf("create table %s: %w", name, err)
	}
	if t.TTL == "" {
		return nil
	}
	_, err := db.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &t.TTL, Enabled: new(true)},
	})
	if err != nil {
		return fmt.Errorf("set the TTL of table %s: %w", name, err)
	}
	return nil
}

func createInput(t contract.Table, name string) *dynamodb.CreateTableInput {
	var attributes attributeSet
	in := &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   attributes.key(t.PartitionKey, t.SortKey),
	}
	for _, index := range t.Indexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName:  &index.Name,
			KeySchema:  attributes.key(index.PartitionKey, index.SortKey),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		})
	}
	in.AttributeDefinitions = attributes
	return in
}

// attributeSet holds each key attribute once, also when several keys use it.
type attributeSet []types.AttributeDefinition

func (a *attributeSet) key(partition, sort string) []types.KeySchemaElement {
	a.add(partition)
	schema := []types.KeySchemaElement{{AttributeName: &partition, KeyType: types.KeyTypeHash}}
	if sort != "" {
		a.add(sort)
		schema = append(schema, types.KeySchemaElement{AttributeName: &sort, KeyType: types.KeyTypeRange})
	}
	return schema
}

func (a *attributeSet) add(name string) {
	for _, d := range *a {
		if *d.AttributeName == name {
			return
		}
	}
	*a = append(*a, types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS})
}
