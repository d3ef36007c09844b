package iam_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// operation is a call of the SDK with the statements that it needs.
type operation struct {
	name  string
	needs []string
	call  func(context.Context, *dynamodb.Client) error
}

// need returns an operation that needs the action of its name on a table or index.
func need(name, table string, call func(context.Context, *dynamodb.Client) error) operation {
	return operation{name: name, needs: []string{statement(table, "dynamodb:"+name)}, call: call}
}

var (
	pkIsOps  = item{":v": &types.AttributeValueMemberS{Value: "ops"}}
	onMonday = item{":v": &types.AttributeValueMemberS{Value: "monday"}}
)

// singles are the operations on one table or index.
var singles = []operation{
	need("PutItem", orders, func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: new(orders), Item: at("ops", "a")})
		return err
	}),
	need("GetItem", orders, func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: new(orders), Key: key("ops", "a")})
		return err
	}),
	need("UpdateItem", orders, func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: new(orders), Key: key("ops", "a")})
		return err
	}),
	need("DeleteItem", orders, func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: new(orders), Key: key("ops", "gone")})
		return err
	}),
	need("Query", orders, func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.Query(ctx, &dynamodb.QueryInput{
			TableName: new(orders), KeyConditionExpression: new("pk = :v"), ExpressionAttributeValues: pkIsOps,
		})
		return err
	}),
	need("Query", orders+"/index/by_day", func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.Query(ctx, &dynamodb.QueryInput{
			TableName: new(orders), IndexName: new("by_day"), KeyConditionExpression: new("#d = :v"),
			ExpressionAttributeNames: map[string]string{"#d": "day"}, ExpressionAttributeValues: onMonday,
		})
		return err
	}),
	need("Scan", orders, func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.Scan(ctx, &dynamodb.ScanInput{TableName: new(orders)})
		return err
	}),
	need("DescribeTable", orders, func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: new(orders)})
		return err
	}),
	need("BatchWriteItem", stock, func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{
			stock: {{PutRequest: &types.PutRequest{Item: at("ops", "batch")}}},
		}})
		return err
	}),
}

// several are the operations that need more than one permission.
var several = []operation{
	{"BatchGetItem", []string{statement(orders, "dynamodb:BatchGetItem"), statement(stock, "dynamodb:BatchGetItem")}, func(ctx context.Context, db *dynamodb.Client) error {
		keys := types.KeysAndAttributes{Keys: []item{key("ops", "a")}}
		_, err := db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{orders: keys, stock: keys}})
		return err
	}},
	{"TransactGetItems", []string{statement(orders, "dynamodb:GetItem"), statement(stock, "dynamodb:GetItem")}, func(ctx context.Context, db *dynamodb.Client) error {
		_, err := db.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
			{Get: &types.Get{TableName: new(orders), Key: key("ops", "a")}},
			{Get: &types.Get{TableName: new(stock), Key: key("ops", "a")}},
		}})
		return err
	}},
	{"TransactWriteItems on two tables", []string{statement(orders, "dynamodb:PutItem"), statement(stock, "dynamodb:PutItem")}, func(ctx context.Context, db *dynamodb.Client) error {
		return transact(
			ctx, db,
			types.TransactWriteItem{Put: &types.Put{TableName: new(orders), Item: at("ops", "t")}},
			types.TransactWriteItem{Put: &types.Put{TableName: new(stock), Item: at("ops", "t")}},
		)
	}},
	{"TransactWriteItems of three kinds", []string{
		statement(orders, "dynamodb:UpdateItem"), statement(orders, "dynamodb:DeleteItem"), statement(stock, "dynamodb:ConditionCheckItem"),
	}, func(ctx context.Context, db *dynamodb.Client) error {
		return transact(
			ctx, db,
			types.TransactWriteItem{Update: &types.Update{TableName: new(orders), Key: key("ops", "u"), UpdateExpression: new("SET n = :v"), ExpressionAttributeValues: pkIsOps}},
			types.TransactWriteItem{Delete: &types.Delete{TableName: new(orders), Key: key("ops", "d")}},
			types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: new(stock), Key: key("ops", "c"), ConditionExpression: new("attribute_not_exists(pk)")}},
		)
	}},
}

func transact(ctx context.Context, db *dynamodb.Client, items ...types.TransactWriteItem) error {
	_, err := db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return err
}

// Each operation is allowed with exactly the actions that IAM demands.
func TestOperationIsRefusedWithoutOneOfItsActions(t *testing.T) {
	for _, tt := range slices.Concat(singles, several) {
		t.Run(tt.name, func(t *testing.T) {
			functions := []cfn.Function{function("all", "["+strings.Join(tt.needs, ",")+"]")}
			for i := range tt.needs {
				rest := slices.Delete(slices.Clone(tt.needs), i, i+1)
				functions = append(functions, function(fmt.Sprintf("without%d", i), "["+strings.Join(rest, ",")+"]"))
			}
			s := newStack(t, functions...)
			if err := tt.call(t.Context(), s.db(t, "all")); err != nil {
				t.Errorf("with %v: %v, want success", tt.needs, err)
			}
			for _, f := range functions[1:] {
				if err := tt.call(t.Context(), s.db(t, f.Name)); code(err) != "AccessDeniedException" {
					t.Errorf("%s of %v: %v, want AccessDeniedException", f.Name, tt.needs, err)
				}
			}
			for _, g := range s.Report().Unused {
				if g.Function == "all" {
					t.Errorf("grant %s on %s counts as unused", g.Action, g.Resource)
				}
			}
		})
	}
}
