package enginetest_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

func TestTablesAreThoseOfTheContractAndEmpty(t *testing.T) {
	db, name := enginetest.DB(t)
	item := map[string]types.AttributeValue{
		contract.PK: &types.AttributeValueMemberS{Value: "p"},
		contract.SK: &types.AttributeValueMemberS{Value: "s"},
	}
	for _, table := range contract.Tables {
		if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new(name(table.Name)), Item: item}); err != nil {
			t.Errorf("put into %s: %v", table.Name, err)
		}
		described, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: new(name(table.Name))})
		if err != nil {
			t.Fatalf("describe %s: %v", table.Name, err)
		}
		if got, want := len(described.Table.GlobalSecondaryIndexes), len(table.Indexes); got != want {
			t.Errorf("table %s has %d indexes, want %d", table.Name, got, want)
		}
		ttl, err := db.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: new(name(table.Name))})
		if err != nil {
			t.Fatalf("describe the TTL of %s: %v", table.Name, err)
		}
		if got := ttl.TimeToLiveDescription.AttributeName; (got == nil) != (table.TTL == "") || got != nil && *got != table.TTL {
			t.Errorf("table %s has TTL attribute %v, want %q", table.Name, got, table.TTL)
		}
	}
	db, other := enginetest.DB(t)
	if other(contract.Sessions) == name(contract.Sessions) {
		t.Fatalf("two calls share the table %s", name(contract.Sessions))
	}
	found, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new(other(contract.Sessions)), Key: item})
	if err != nil || found.Item != nil {
		t.Errorf("a fresh table holds %v, %v, want nothing", found.Item, err)
	}
}

func TestTablesAreDeletedWithTheirTest(t *testing.T) {
	var gone string
	t.Run("inner", func(t *testing.T) {
		_, name := enginetest.DB(t)
		gone = name("")
	})
	db, _ := enginetest.DB(t)
	list, err := db.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range list.TableNames {
		if strings.HasPrefix(table, gone) {
			t.Errorf("table %s outlived its test", table)
		}
	}
}
