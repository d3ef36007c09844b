package cfn_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

func shop(t *testing.T) *cfn.Stage {
	t.Helper()
	s, err := cfn.Read(cfn.Local, "testdata/shop-service.template.json", "testdata/shop-data.template.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTables(t *testing.T) {
	pk, sk := cfn.Key{Name: "pk", Type: "S"}, cfn.Key{Name: "sk", Type: "S"}
	want := []cfn.Table{
		{
			Name: "shop-data-Stock-S6PAFG5O5ZIQ", ARN: "arn:aws:dynamodb:us-east-1:000000000000:table/shop-data-Stock-S6PAFG5O5ZIQ",
			PartitionKey: cfn.Key{Name: "sku", Type: "S"},
			Indexes: []cfn.Index{{
				Name: "by_at", PartitionKey: cfn.Key{Name: "sku", Type: "S"}, SortKey: cfn.Key{Name: "at", Type: "B"},
				Local: true, Projection: "INCLUDE", Attributes: []string{"n"},
			}},
		},
		{
			Name: "shop-orders", ARN: "arn:aws:dynamodb:us-east-1:000000000000:table/shop-orders",
			PartitionKey: pk, SortKey: sk, TTL: "ttl",
			Indexes: []cfn.Index{{Name: "by_day", PartitionKey: cfn.Key{Name: "day", Type: "N"}, SortKey: sk, Projection: "ALL"}},
		},
	}
	if got := shop(t).Tables; !reflect.DeepEqual(got, want) {
		t.Errorf("tables = %+v\nwant %+v", got, want)
	}
}

func TestFunctions(t *testing.T) {
	s := shop(t)
	if len(s.Functions) != 2 {
		t.Fatalf("%d functions, want 2 (one has a false condition)", len(s.Functions))
	}
	buy, ok := s.Function("shop-staging-buy")
	if !ok {
		t.Fatalf("no function shop-staging-buy in %+v", s.Functions)
	}
	policies := buy.Role.Policies
	buy.Role.Policies = nil
	want := cfn.Function{
		Name: "shop-staging-buy", ARN: "arn:aws:lambda:us-east-1:000000000000:function:shop-staging-buy",
		Handler: "bootstrap", Runtime: "provided.al2023", Arch: "arm64", Memory: 256, Timeout: 5 * time.Second,
		Role: cfn.Role{Name: "shop-buy", ARN: "arn:aws:iam::000000000000:role/shop-buy"},
		Env: map[string]string{
			"ORDERS": "shop-orders",
			"ISSUER": "https://" + s.Routes[0].API + ".execute-api.us-east-1.amazonaws.com",
			"LOG":    "debug", "LOUD": "yes", "SUFFIX": "c",
			"TEXT": "staging runs shop-buy of arn:aws:iam::000000000000:role/shop-buy, ${who}",
		},
	}
	if !reflect.DeepEqual(buy, want) {
		t.Errorf("function = %+v\nwant %+v", buy, want)
	}
	checkDocument(t, policies[0], "needs", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["dynamodb:PutItem","dynamodb:Query"],"Resource":[
			"arn:aws:dynamodb:us-east-1:000000000000:table/shop-orders",
			"arn:aws:dynamodb:us-east-1:000000000000:table/shop-orders/index/by_day"]},
		{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/shop/buy:*"}]}`)
	checkDocument(t, policies[1], "secret", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"`+s.Secrets[0].ARN+`"}]}`)

	turn, _ := s.Function("shop-turn")
	if turn.Memory != 128 || turn.Timeout != 3*time.Second || turn.Arch != "x86_64" {
		t.Errorf("defaults of a function = %d MiB, %v, %s; want 128, 3s, x86_64", turn.Memory, turn.Timeout, turn.Arch)
	}
	if !strings.HasPrefix(turn.Role.Name, "shop-service-TurnRole-") || len(turn.Role.Policies) != 0 {
		t.Errorf("role of shop-turn = %+v, want a generated name and no policies", turn.Role)
	}
}

func checkDocument(t *testing.T, p cfn.Policy, name, want string) {
	t.Helper()
	var got, expected any
	if err := json.Unmarshal(p.Document, &got); err != nil {
		t.Fatalf("policy %s: %v", p.Name, err)
	}
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		t.Fatal(err)
	}
	if p.Name != name || !reflect.DeepEqual(got, expected) {
		t.Errorf("policy %s = %s\nwant %s = %s", p.Name, p.Document, name, want)
	}
}

func TestRoutesSecretsRotationsOutputs(t *testing.T) {
	s := shop(t)
	api := s.Routes[0].API
	routes := []cfn.Route{
		{Key: "ANY /buy", API: api, Function: "shop-staging-buy", Qualifier: "live", Authorization: "NONE"},
		{Key: "GET /turn", API: api, Function: "shop-turn", Authorization: "NONE"},
	}
	if !reflect.DeepEqual(s.Routes, routes) {
		t.Errorf("routes = %+v\nwant %+v", s.Routes, routes)
	}
	arn := cfn.Local.SecretARN("shop/key")
	if prefix := cfn.Local.PartialSecretARN("shop/key") + "-"; !strings.HasPrefix(arn, prefix) || len(arn) != len(prefix)+6 {
		t.Errorf("ARN of the secret = %s, want %s and six characters", arn, prefix)
	}
	secrets := []cfn.Secret{{
		Name: "shop/key", ARN: arn, Description: "signs receipts",
		Generate: &cfn.Generate{PasswordLength: 48, SecretStringTemplate: `{"format":"1"}`, GenerateStringKey: "seed"},
	}}
	if !reflect.DeepEqual(s.Secrets, secrets) {
		t.Errorf("secrets = %+v\nwant %+v", s.Secrets, secrets)
	}
	rotations := []cfn.Rotation{{
		Secret: arn, Function: "shop-turn", FunctionARN: cfn.Local.FunctionARN("shop-turn"),
		Schedule: "rate(30 days)", Immediately: true,
	}}
	if !reflect.DeepEqual(s.Rotations, rotations) {
		t.Errorf("rotations = %+v\nwant %+v", s.Rotations, rotations)
	}
	outputs := []cfn.Output{
		{Stack: "shop-data", Name: "KeyArn", Value: arn},
		{Stack: "shop-data", Name: "OrdersArn", Value: cfn.Local.TableARN("shop-orders"), Export: "shop-data:orders"},
		{Stack: "shop-data", Name: "OrdersName", Value: "shop-orders"},
		{Stack: "shop-service", Name: "Issuer", Value: "https://" + api + ".execute-api.us-east-1.amazonaws.com"},
	}
	if !reflect.DeepEqual(s.Outputs, outputs) {
		t.Errorf("outputs = %+v\nwant %+v", s.Outputs, outputs)
	}
}

// A rule with two targets is two rules, and one that is disabled is none.
func TestRules(t *testing.T) {
	hourly := cfn.Rule{Name: "shop-hourly", ARN: "arn:aws:events:us-east-1:000000000000:rule/shop-hourly", Every: time.Hour}
	buy, turn := hourly, hourly
	buy.Function, buy.Qualifier = "shop-staging-buy", "live"
	turn.Function = "shop-turn"
	if got, want := shop(t).Rules, []cfn.Rule{buy, turn}; !reflect.DeepEqual(got, want) {
		t.Errorf("rules = %+v\nwant %+v", got, want)
	}
}

// TestRates reads what EventBridge takes, and nothing that it refuses.
func TestRates(t *testing.T) {
	for expression, want := range map[string]time.Duration{
		"rate(1 minute)": time.Minute, "rate(5 minutes)": 5 * time.Minute, "rate(1 hour)": time.Hour,
		"rate(12 hours)": 12 * time.Hour, "rate(1 day)": 24 * time.Hour, "rate(7 days)": 7 * 24 * time.Hour,
		"": 0, "rate(0 minutes)": 0, "rate(1 minutes)": 0, "rate(5 minute)": 0, "rate(-1 minutes)": 0, "rate(1 second)": 0,
		"rate(5 minutes) ": 0, "rate(1.5 hours)": 0, "cron(0 12 * * ? *)": 0, "at(2026-11-22T12:00:00)": 0, "rate(9999999 days)": 0,
	} {
		text := `{"Resources":{
			"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"role"}},
			"Fn":{"Type":"AWS::Lambda::Function","Properties":{"FunctionName":"fn","Role":{"Fn::GetAtt":["Role","Arn"]}}},
			"Rule":{"Type":"AWS::Events::Rule","Properties":{"ScheduleExpression":"` + expression + `","Targets":[{"Arn":{"Fn::GetAtt":["Fn","Arn"]}}]}}}}`
		s, err := cfn.Parse(cfn.Local, cfn.Source{Stack: "main", JSON: []byte(text)})
		if want == 0 {
			if err == nil || !strings.Contains(err.Error(), "property ScheduleExpression") {
				t.Errorf("a rule with %q = %v, want an error about it", expression, err)
			}
			continue
		}
		if err != nil || len(s.Rules) != 1 || s.Rules[0].Every != want || !strings.HasPrefix(s.Rules[0].Name, "main-Rule-") {
			t.Errorf("a rule with %q = %+v, %v, want one every %v", expression, s, err, want)
		}
	}
}

// The place changes every ARN and nothing else.
func TestPlace(t *testing.T) {
	place := cfn.Place{Region: "eu-west-1", Account: "111122223333"}
	s, err := cfn.Read(place, "testdata/shop-data.template.json")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Tables[1].ARN, "arn:aws:dynamodb:eu-west-1:111122223333:table/shop-orders"; got != want {
		t.Errorf("ARN of the table = %s, want %s", got, want)
	}
}
