package iam_test

import (
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/iam"
)

func TestRefusalIsThatOfAWS(t *testing.T) {
	s := newStack(t,
		function("reader", statement(orders, "dynamodb:GetItem")),
		function("denied", `[{"Effect":"Deny","Action":"dynamodb:PutItem","Resource":"*"},`+statement(orders, "dynamodb:PutItem")+`]`),
	)
	put := func(f string) error {
		_, err := s.db(t, f).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new(orders), Item: at("refused", f)})
		return err
	}
	const user = "User: arn:aws:sts::000000000000:assumed-role/"
	const action = " is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:000000000000:table/wall-orders"
	for f, want := range map[string]string{
		"reader": user + "reader-role/reader" + action + " because no identity-based policy allows the dynamodb:PutItem action",
		"denied": user + "denied-role/denied" + action + " with an explicit deny in an identity-based policy",
	} {
		err := put(f)
		if code(err) != "AccessDeniedException" || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("PutItem of %s = %v, want AccessDeniedException: %s", f, err, want)
		}
		if got := s.Tally(f); got.Refused != 1 || got.Total() != 0 {
			t.Errorf("tally of %s = %+v, want one refused call", f, got)
		}
	}
	out, err := s.db(t, "reader").GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new(orders), Key: key("refused", "reader")})
	if err != nil || out.Item != nil {
		t.Errorf("a refused write has arrived: %v, %v", out, err)
	}
	// A request that cannot be read cannot be judged.
	_, err = s.db(t, "reader").ExecuteStatement(t.Context(), &dynamodb.ExecuteStatementInput{Statement: new("SELECT * FROM x")})
	if code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "dynamodb:ExecuteStatement") {
		t.Errorf("ExecuteStatement = %v, want AccessDeniedException that names it", err)
	}
}

func TestSecretIsTheSameUnderEveryName(t *testing.T) {
	arn := cfn.Local.SecretARN(keyName)
	s := newStack(t,
		function("reader", statement(arn, "secretsmanager:GetSecretValue")),
		function("writer", statement(arn, "secretsmanager:PutSecretValue")),
	)
	for _, id := range []string{keyName, arn, cfn.Local.PartialSecretARN(keyName)} {
		out, err := s.sm(t, "reader").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil || aws.ToString(out.SecretString) != "the value" {
			t.Errorf("GetSecretValue(%q) = %+v, %v; want the value", id, out, err)
		}
		_, err = s.sm(t, "writer").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
		if code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "secretsmanager:GetSecretValue on resource: "+arn) {
			t.Errorf("GetSecretValue(%q) of the writer = %v, want AccessDeniedException on %s", id, err, arn)
		}
	}
	_, err := s.sm(t, "reader").ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
	if code(err) != "AccessDeniedException" {
		t.Errorf("ListSecrets = %v, want AccessDeniedException", err)
	}
}

func TestTallyCountsCallsAndCapacity(t *testing.T) {
	s := newStack(t, function("f", "["+statement(orders, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query")+","+statement(cfn.Local.SecretARN(keyName), "secretsmanager:GetSecretValue")+"]"))
	db := s.db(t, "f")
	before := s.Tally("f")
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new(stock), Item: at("t", "a")}); code(err) != "AccessDeniedException" {
		t.Fatal(err)
	}
	first := s.Tally("f")
	if _, err := s.sm(t, "f").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: new(keyName)}); err != nil {
		t.Fatal(err)
	}
	_, err := db.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: new(orders), Item: key("t", "a")}}, {Put: &types.Put{TableName: new(orders), Item: key("t", "b")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new(orders), Key: key("t", "a"), ConsistentRead: new(true)})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := iam.Tally{
		Calls:     map[string]int{"dynamodb:GetItem": 2, "dynamodb:TransactWriteItems": 1, "secretsmanager:GetSecretValue": 1},
		ReadUnits: 2, WriteUnits: 4,
	}
	if got := s.Tally("f").Since(first); !reflect.DeepEqual(got, want) || got.Total() != 4 {
		t.Errorf("tally = %+v, want %+v", got, want)
	}
	if got := first.Since(before); got.Refused != 1 || got.Total() != 0 {
		t.Errorf("tally of the refused call = %+v, want one refusal", got)
	}
	if got := s.Tally("nobody"); got.Total() != 0 {
		t.Errorf("tally of nobody = %+v, want nothing", got)
	}
}

func TestReportNamesRefusedCallsAndUnusedGrants(t *testing.T) {
	logs := `{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/f:*"}`
	s := newStack(t, function("f", "["+statement(orders, "dynamodb:GetItem", "dynamodb:PutItem")+","+logs+"]"))
	db := s.db(t, "f")
	if _, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new(orders), Key: key("r", "a")}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: new(orders), Key: key("r", "a")}); err == nil {
			t.Fatal("DeleteItem succeeds, want a refusal")
		}
	}
	report := s.Report()
	table := cfn.Local.TableARN(orders)
	unused := []iam.Grant{{Function: "f", Role: "f-role", Policy: "needs", Action: "dynamodb:PutItem", Resource: table}}
	if !reflect.DeepEqual(report.Unused, unused) {
		t.Errorf("unused = %+v, want %+v", report.Unused, unused)
	}
	if len(report.Excused) != 1 || report.Excused[0].Action != "logs:PutLogEvents" || report.Excused[0].Reason == "" {
		t.Errorf("excused = %+v, want the log grant with a reason", report.Excused)
	}
	if len(report.Refused) != 1 || report.Refused[0].Times != 2 || report.Refused[0].Function != "f" ||
		report.Refused[0].Action != "dynamodb:DeleteItem" || report.Refused[0].Resource != table {
		t.Errorf("refused = %+v, want DeleteItem of f, twice", report.Refused)
	}
}

func TestNewRefusesAWrongConfig(t *testing.T) {
	tests := []struct {
		name      string
		functions []cfn.Function
		endpoint  string
		want      string
	}{
		{"condition", []cfn.Function{function("f", `[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}]`)}, "http://127.0.0.1:1", `role f-role: policy needs`},
		{"two of a name", []cfn.Function{function("f", `[]`), function("f", `[]`)}, "http://127.0.0.1:1", "two functions are named f"},
		{"no endpoint", nil, "", "endpoint of dynamodb"},
	}
	for _, tt := range tests {
		_, err := iam.New(iam.Config{
			Stage:    &cfn.Stage{Place: cfn.Local, Functions: tt.functions},
			DynamoDB: tt.endpoint, SecretsManager: "http://127.0.0.1:1",
		})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: New = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestConcurrentCallsKeepTheirAnswersApart(t *testing.T) {
	s := newStack(t, function("a", statement(orders, "dynamodb:PutItem", "dynamodb:GetItem")), function("b", statement(stock, "dynamodb:PutItem", "dynamodb:GetItem")))
	var wg sync.WaitGroup
	for name, table := range map[string]string{"a": orders, "b": stock} {
		db := s.db(t, name)
		for i := range 4 {
			wg.Go(func() {
				sk := name + string(rune('0'+i))
				for range 20 {
					if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: at("c", sk)}); err != nil {
						t.Errorf("PutItem of %s: %v", name, err)
					}
					out, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: key("c", sk), ConsistentRead: new(true)})
					if err != nil || !reflect.DeepEqual(out.Item, at("c", sk)) {
						t.Errorf("GetItem of %s = %v, %v; want its own item", name, out, err)
					}
				}
			})
		}
	}
	wg.Wait()
	for _, name := range []string{"a", "b"} {
		if got := s.Tally(name); got.Calls["dynamodb:PutItem"] != 80 || got.Calls["dynamodb:GetItem"] != 80 {
			t.Errorf("tally of %s = %+v, want 80 of each", name, got)
		}
	}
}
