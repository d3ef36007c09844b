package cfn_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

const (
	dataFile    = "testdata/shop-data.template.json"
	serviceFile = "testdata/shop-service.template.json"
)

func shop(t *testing.T) *cfn.Stage {
	t.Helper()
	s, err := cfn.Read(cfn.Local, serviceFile, dataFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTablesHaveTheirKeysIndexesAndTTL(t *testing.T) {
	want := []cfn.Table{
		{
			Name: "shop-orders", PartitionKey: "pk", SortKey: "sk", TTL: "ttl",
			Indexes: []cfn.Index{{Name: "by_day", PartitionKey: "day", SortKey: "sk"}},
		},
		{Name: "shop-stock", PartitionKey: "sku"},
	}
	if got := shop(t).Tables; !reflect.DeepEqual(got, want) {
		t.Errorf("tables = %+v\nwant %+v", got, want)
	}
}

func TestDisabledTTLIsNone(t *testing.T) {
	text := read(t, dataFile, `"Enabled": true`, `"Enabled": false`)
	text = strings.Replace(text, `"AttributeName": "ttl", `, "", 1)
	s, err := cfn.Parse(cfn.Local, cfn.Source{Stack: "shop-data", JSON: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Tables[0].TTL; got != "" {
		t.Errorf("TTL = %q, want none", got)
	}
}

func TestFunctionHasItsRoleAndVariables(t *testing.T) {
	s := shop(t)
	if len(s.Functions) != 2 {
		t.Fatalf("%d functions, want 2", len(s.Functions))
	}
	buy, ok := s.Function("shop-buy")
	if !ok {
		t.Fatalf("no function shop-buy in %+v", s.Functions)
	}
	if _, ok := s.Function("shop-sell"); ok {
		t.Error("a function shop-sell was found")
	}
	policies, role := buy.Role.Policies, buy.Role.Name
	buy.Role.Policies = nil
	want := cfn.Function{
		Name: "shop-buy", ARN: "arn:aws:lambda:us-east-1:000000000000:function:shop-buy",
		Handler: "bootstrap", Memory: 256, Timeout: 5 * time.Second,
		Role: cfn.Role{Name: role, ARN: "arn:aws:iam::000000000000:role/" + role},
		Env: map[string]string{
			"ORDERS": "shop-orders",
			"ISSUER": "https://" + s.Routes[0].API + ".execute-api.us-east-1.amazonaws.com",
			"TOPIC":  "arn:aws:sns:us-east-1:000000000000:shop",
		},
	}
	if !reflect.DeepEqual(buy, want) || !strings.HasPrefix(role, "shop-service-BuyRole-") {
		t.Errorf("function = %+v\nwant %+v", buy, want)
	}
	if len(policies) != 1 || policies[0].Name != "needs" {
		t.Fatalf("policies = %+v, want needs alone", policies)
	}
	checkDocument(t, policies[0], `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["dynamodb:PutItem","dynamodb:Query"],"Resource":[
			"arn:aws:dynamodb:us-east-1:000000000000:table/shop-orders",
			"arn:aws:dynamodb:us-east-1:000000000000:table/shop-orders/index/by_day"]},
		{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/shop/buy:*"}]}`)
}

func checkDocument(t *testing.T, p cfn.Policy, want string) {
	t.Helper()
	var got, expected any
	if err := json.Unmarshal(p.Document, &got); err != nil {
		t.Fatalf("policy %s: %v", p.Name, err)
	}
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("policy %s = %s\nwant %s", p.Name, p.Document, want)
	}
}

func TestRouteLeadsToItsFunction(t *testing.T) {
	s := shop(t)
	api := s.Routes[0].API
	want := []cfn.Route{
		{Key: "ANY /buy", API: api, Function: "shop-buy"},
		{Key: "GET /turn", API: api, Function: "shop-turn"},
	}
	if !reflect.DeepEqual(s.Routes, want) {
		t.Errorf("routes = %+v\nwant %+v", s.Routes, want)
	}
}

func TestSecretHasItsRotation(t *testing.T) {
	s := shop(t)
	arn := cfn.Local.SecretARN("shop/key")
	if prefix := cfn.Local.PartialSecretARN("shop/key") + "-"; !strings.HasPrefix(arn, prefix) || len(arn) != len(prefix)+6 {
		t.Errorf("ARN of the secret = %s, want %s and six characters", arn, prefix)
	}
	secrets := []cfn.Secret{{
		Name: "shop/key", ARN: arn, Description: "signs receipts",
		Generate: &cfn.Generate{SecretStringTemplate: `{"format":"1"}`, GenerateStringKey: "seed"},
	}}
	if !reflect.DeepEqual(s.Secrets, secrets) {
		t.Errorf("secrets = %+v\nwant %+v", s.Secrets, secrets)
	}
	rotations := []cfn.Rotation{{
		Secret: arn, Function: "shop-turn", FunctionARN: cfn.Local.FunctionARN("shop-turn"), Days: 30, Immediately: true,
	}}
	if !reflect.DeepEqual(s.Rotations, rotations) {
		t.Errorf("rotations = %+v\nwant %+v", s.Rotations, rotations)
	}
}

func TestRuleCallsItsFunction(t *testing.T) {
	want := []cfn.Rule{{ARN: "arn:aws:events:us-east-1:000000000000:rule/shop-hourly", Every: time.Hour, Function: "shop-buy"}}
	if got := shop(t).Rules; !reflect.DeepEqual(got, want) {
		t.Errorf("rules = %+v\nwant %+v", got, want)
	}
}

func TestRateIsReadAsEventBridgeReadsIt(t *testing.T) {
	for expression, want := range map[string]time.Duration{
		"rate(1 minute)": time.Minute, "rate(5 minutes)": 5 * time.Minute, "rate(1 hour)": time.Hour,
		"rate(12 hours)": 12 * time.Hour, "rate(1 day)": 24 * time.Hour, "rate(7 days)": 7 * 24 * time.Hour,
		"": 0, "rate(0 minutes)": 0, "rate(1 minutes)": 0, "rate(5 minute)": 0, "rate(-1 minutes)": 0, "rate(1 second)": 0,
		"rate(5 minutes) ": 0, "rate(1.5 hours)": 0, "cron(0 12 * * ? *)": 0, "at(2026-11-22T12:00:00)": 0, "rate(9999999 days)": 0,
	} {
		s, err := parse(t, "rate(1 hour)", expression)
		if want == 0 {
			if err == nil || !strings.Contains(err.Error(), "path Properties.ScheduleExpression: ") {
				t.Errorf("a rule with %q = %v, want an error about it", expression, err)
			}
			continue
		}
		if err != nil || len(s.Rules) != 1 || s.Rules[0].Every != want {
			t.Errorf("a rule with %q = %+v, %v, want one every %v", expression, s, err, want)
		}
	}
}

func TestPlaceDecidesEveryARN(t *testing.T) {
	s, err := cfn.Read(cfn.Place{Region: "eu-west-1", Account: "111122223333"}, dataFile, serviceFile)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), cfn.Local.Region) || strings.Contains(string(text), cfn.Local.Account) {
		t.Errorf("the stage names the place of the local stack: %s", text)
	}
	if got, want := s.Functions[0].ARN, "arn:aws:lambda:eu-west-1:111122223333:function:shop-buy"; got != want {
		t.Errorf("ARN of the function = %s, want %s", got, want)
	}
	if got, want := s.Place.SessionARN("role", "fn"), "arn:aws:sts::111122223333:assumed-role/role/fn"; got != want {
		t.Errorf("ARN of the session = %s, want %s", got, want)
	}
}

func TestNameOfARoleFitsIntoAWS(t *testing.T) {
	long := strings.Repeat("Buy", 30)
	text := strings.ReplaceAll(read(t, serviceFile, "", ""), "BuyRole", long)
	s, err := cfn.Parse(cfn.Local,
		cfn.Source{Stack: "shop-data", JSON: []byte(read(t, dataFile, "", ""))},
		cfn.Source{Stack: "shop-service", JSON: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	if name := s.Functions[0].Role.Name; len(name) != 64 || !strings.HasPrefix(name, "shop-service-BuyBuy") {
		t.Errorf("the role is named %s, with %d characters, want 64", name, len(name))
	}
}

// read returns a file of testdata with a part replaced.
func read(t testing.TB, file, old, replacement string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), old) == 0 {
		t.Fatalf("%s does not have %s", file, old)
	}
	return strings.Replace(string(data), old, replacement, 1)
}

// parse reads the templates of the shop with a part of the service replaced.
func parse(t testing.TB, old, replacement string) (*cfn.Stage, error) {
	t.Helper()
	return cfn.Parse(cfn.Local,
		cfn.Source{Stack: "shop-data", JSON: []byte(read(t, dataFile, "", ""))},
		cfn.Source{Stack: "shop-service", JSON: []byte(read(t, serviceFile, old, replacement))})
}
