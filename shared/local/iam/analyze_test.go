package iam_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/iam"
)

var names = iam.Names{
	Place:   cfn.Local,
	Secrets: []cfn.Secret{{Name: "shop/key", ARN: cfn.Local.SecretARN("shop/key")}},
}

const dynamoTarget = "DynamoDB_20120810."

// on returns the demand of a DynamoDB action on a table, or on table/index/name.
func on(action, table string) iam.Demand {
	return iam.Demand{Action: "dynamodb:" + action, Resource: cfn.Local.TableARN(table)}
}

func TestOperationDemandsItsActions(t *testing.T) {
	key := cfn.Local.SecretARN("shop/key")
	secret := func(arn string) []iam.Demand {
		return []iam.Demand{{Action: "secretsmanager:GetSecretValue", Resource: arn}}
	}
	tests := []struct {
		target, body string
		want         []iam.Demand
	}{
		{dynamoTarget + "GetItem", `{"TableName":"orders","Key":{"TableName":{"S":"other"}}}`, []iam.Demand{on("GetItem", "orders")}},
		{dynamoTarget + "PutItem", `{"Item":{},"TableName":"orders"}`, []iam.Demand{on("PutItem", "orders")}},
		{dynamoTarget + "UpdateItem", `{"TableName":"` + cfn.Local.TableARN("orders") + `"}`, []iam.Demand{on("UpdateItem", "orders")}},
		{dynamoTarget + "DeleteItem", `{"\u0054ableName":"orders"}`, []iam.Demand{on("DeleteItem", "orders")}},
		{dynamoTarget + "DescribeTable", `{"TableName":"orders"}`, []iam.Demand{on("DescribeTable", "orders")}},
		{dynamoTarget + "Query", `{"TableName":"orders"}`, []iam.Demand{on("Query", "orders")}},
		{dynamoTarget + "Query", `{"TableName":"orders","IndexName":null}`, []iam.Demand{on("Query", "orders")}},
		{dynamoTarget + "Query", `{"TableName":"orders","IndexName":"by_day"}`, []iam.Demand{on("Query", "orders/index/by_day")}},
		{dynamoTarget + "Scan", `{"IndexName":"by_day","TableName":"orders"}`, []iam.Demand{on("Scan", "orders/index/by_day")}},
		{dynamoTarget + "BatchGetItem", `{"RequestItems":{"orders":{"Keys":[]},"stock":{}}}`, []iam.Demand{on("BatchGetItem", "orders"), on("BatchGetItem", "stock")}},
		{dynamoTarget + "BatchWriteItem", `{"RequestItems":{"orders":[]}}`, []iam.Demand{on("BatchWriteItem", "orders")}},
		{dynamoTarget + "TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"orders"}},{"Get":{"TableName":"stock"}}]}`, []iam.Demand{on("GetItem", "orders"), on("GetItem", "stock")}},
		{
			dynamoTarget + "TransactWriteItems",
			`{"TransactItems":[{"Put":{"TableName":"orders"}},{"Update":{"TableName":"stock"}},{"Delete":{"TableName":"orders"}},{"ConditionCheck":{"TableName":"users"}}]}`,
			[]iam.Demand{on("PutItem", "orders"), on("UpdateItem", "stock"), on("DeleteItem", "orders"), on("ConditionCheckItem", "users")},
		},
		{"secretsmanager.GetSecretValue", `{"SecretId":"shop/key"}`, secret(key)},
		{"secretsmanager.GetSecretValue", `{"SecretId":"` + key + `"}`, secret(key)},
		{"secretsmanager.GetSecretValue", `{"SecretId":"` + cfn.Local.PartialSecretARN("shop/key") + `"}`, secret(key)},
		{"secretsmanager.GetSecretValue", `{"SecretId":"other"}`, secret(cfn.Local.PartialSecretARN("other"))},
		{"secretsmanager.GetSecretValue", `{"SecretId":"arn:aws:secretsmanager:x:y:secret:z"}`, secret("arn:aws:secretsmanager:x:y:secret:z")},
		{"secretsmanager.ListSecrets", `{}`, []iam.Demand{{Action: "secretsmanager:ListSecrets", Resource: "*"}}},
	}
	for _, tt := range tests {
		op, err := names.Analyze(tt.target, []byte(tt.body))
		if err != nil || !reflect.DeepEqual(op.Demands, tt.want) {
			t.Errorf("Analyze(%q, %s) = %v, %v; want %v", tt.target, tt.body, op.Demands, err, tt.want)
		}
	}
}

func TestAmbiguousRequestIsRefused(t *testing.T) {
	tests := []struct {
		target, body string
		unknown      bool
	}{
		{"", `{}`, true},
		{"GetItem", `{"TableName":"orders"}`, true},
		{"Logs_20140328.PutLogEvents", `{}`, true},
		{dynamoTarget + "ExecuteStatement", `{"Statement":"SELECT * FROM orders"}`, true},
		{dynamoTarget + "BatchExecuteStatement", `{"Statements":[]}`, true},
		{dynamoTarget + "ExecuteTransaction", `{"TransactStatements":[]}`, true},
		{dynamoTarget + "CreateTable", `{"TableName":"orders"}`, true},
		{dynamoTarget + "getitem", `{"TableName":"orders"}`, true},
		{dynamoTarget, `{"TableName":"orders"}`, true},
		{"secretsmanager.DeleteSecret", `{"SecretId":"shop/key"}`, true},
		{dynamoTarget + "GetItem", ``, false},
		{dynamoTarget + "GetItem", `null`, false},
		{dynamoTarget + "GetItem", `[]`, false},
		{dynamoTarget + "GetItem", `{}`, false},
		{dynamoTarget + "GetItem", `{"TableName":null}`, false},
		{dynamoTarget + "GetItem", `{"TableName":["orders"]}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"orders"`, false},
		{dynamoTarget + "GetItem", `{"TableName":"orders"}{}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"orders"}]`, false},
		{dynamoTarget + "GetItem", `{"tablename":"orders"}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"orders","TableName":"stock"}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"orders","tableName":"stock"}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"orders","TableNam\u0065":"stock"}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"orders","ſort":"stock"}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"orders/index/by_day"}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"*"}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"` + strings.Repeat("a", 256) + `"}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/orders/index/by_day"}`, false},
		{dynamoTarget + "GetItem", `{"TableName":"arn:aws:s3:us-east-1:000000000000:table/orders"}`, false},
		{dynamoTarget + "Query", `{"TableName":"orders","IndexName":"../stock"}`, false},
		{dynamoTarget + "BatchGetItem", `{}`, false},
		{dynamoTarget + "BatchGetItem", `{"RequestItems":{}}`, false},
		{dynamoTarget + "BatchGetItem", `{"RequestItems":{"orders":{},"orders":{}}}`, false},
		{dynamoTarget + "BatchWriteItem", `{"RequestItems":[]}`, false},
		{dynamoTarget + "TransactWriteItems", `{"TransactItems":[]}`, false},
		{dynamoTarget + "TransactWriteItems", `{"TransactItems":{}}`, false},
		{dynamoTarget + "TransactWriteItems", `{"TransactItems":[{}]}`, false},
		{dynamoTarget + "TransactWriteItems", `{"TransactItems":[null]}`, false},
		{dynamoTarget + "TransactWriteItems", `{"TransactItems":[{"Put":{}}]}`, false},
		{dynamoTarget + "TransactWriteItems", `{"TransactItems":[{"Get":{"TableName":"orders"}}]}`, false},
		{dynamoTarget + "TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"orders"},"Delete":{"TableName":"orders"}}]}`, false},
		{dynamoTarget + "TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"orders"}}],"TransactItems":[]}`, false},
		{"secretsmanager.GetSecretValue", `{}`, false},
		{"secretsmanager.GetSecretValue", `{"SecretId":""}`, false},
		{"secretsmanager.GetSecretValue", `{"SecretId":"shop/key","secretid":"other"}`, false},
	}
	for _, tt := range tests {
		op, err := names.Analyze(tt.target, []byte(tt.body))
		if err == nil || errors.Is(err, iam.ErrUnknownOperation) != tt.unknown {
			t.Errorf("Analyze(%q, %s) = %v, %v; want an error, unknown operation = %v", tt.target, tt.body, op.Demands, err, tt.unknown)
		}
	}
}

// FuzzAnalyze analyzes any request. Without an error there is at least one demand,
// and each has an action of the service and a resource without a wildcard. A name
// with a wildcard would be allowed by mistake.
func FuzzAnalyze(f *testing.F) {
	f.Add(dynamoTarget+"GetItem", []byte(`{"TableName":"orders","Key":{"pk":{"S":"a"}}}`))
	f.Add(dynamoTarget+"Query", []byte(`{"TableName":"orders","IndexName":"by_day"}`))
	f.Add(dynamoTarget+"BatchWriteItem", []byte(`{"RequestItems":{"orders":[{"PutRequest":{}}]}}`))
	f.Add(dynamoTarget+"TransactWriteItems", []byte(`{"TransactItems":[{"Put":{"TableName":"orders"}},{"Update":{"TableName":"stock"}}]}`))
	f.Add(dynamoTarget+"ExecuteStatement", []byte(`{"Statement":"DELETE FROM orders"}`))
	f.Add("secretsmanager.GetSecretValue", []byte(`{"SecretId":"shop/key"}`))
	f.Add("secretsmanager.ListSecrets", []byte(`{}`))
	nothing, err := iam.Compile(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string, body []byte) {
		op, err := names.Analyze(target, body)
		if err != nil {
			return
		}
		if len(op.Demands) == 0 {
			t.Fatalf("Analyze(%q, %q) demands nothing and reports no error", target, body)
		}
		for _, d := range op.Demands {
			if !strings.HasPrefix(d.Action, op.Service+":") || nothing.Decide(d.Action, d.Resource) != iam.NotAllowed {
				t.Errorf("Analyze(%q, %q) demands %v, want an action of %s that an empty role refuses", target, body, d, op.Service)
			}
			table, isTable := strings.CutPrefix(d.Resource, cfn.Local.TableARN(""))
			if isTable && (strings.ContainsAny(table, "*?") || strings.Count(table, "/") != 2*strings.Count(table, "/index/")) {
				t.Errorf("Analyze(%q, %q) demands the table %q", target, body, table)
			}
		}
	})
}
