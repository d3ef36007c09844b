package iam_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/iam"
)

// policy returns a policy document with these statements.
func policy(statements string) []cfn.Policy {
	return []cfn.Policy{{Name: "needs", Document: json.RawMessage(`{"Version":"2012-10-17","Statement":` + statements + `}`)}}
}

func TestPoliciesAreEvaluatedAsByIAM(t *testing.T) {
	const orders = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
	allow := func(action, resource string) string {
		return fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":%q}`, action, resource)
	}
	deny := func(action, resource string) string {
		return fmt.Sprintf(`{"Effect":"Deny","Action":%q,"Resource":%q}`, action, resource)
	}
	tests := []struct {
		name, statements, action, resource string
		want                               iam.Decision
	}{
		{"exact", allow("dynamodb:GetItem", orders), "dynamodb:GetItem", orders, iam.Allowed},
		{"no statement", `[]`, "dynamodb:GetItem", orders, iam.NotAllowed},
		{"other action", allow("dynamodb:GetItem", orders), "dynamodb:PutItem", orders, iam.NotAllowed},
		{"longer action", allow("dynamodb:Query", orders), "dynamodb:QueryAll", orders, iam.NotAllowed},
		{"other table", allow("dynamodb:GetItem", orders), "dynamodb:GetItem", orders + "2", iam.NotAllowed},
		{"table does not cover its index", allow("dynamodb:Query", orders), "dynamodb:Query", orders + "/index/by_day", iam.NotAllowed},
		{"index does not cover its table", allow("dynamodb:Query", orders+"/index/by_day"), "dynamodb:Query", orders, iam.NotAllowed},
		{"all indexes", allow("dynamodb:Query", orders+"/index/*"), "dynamodb:Query", orders + "/index/by_day", iam.Allowed},
		{"action in another case", allow("DynamoDB:getitem", orders), "dynamodb:GetItem", orders, iam.Allowed},
		{"resource in another case", allow("dynamodb:GetItem", strings.Replace(orders, "orders", "Orders", 1)), "dynamodb:GetItem", orders, iam.NotAllowed},
		{"action wildcard", allow("dynamodb:*Item", orders), "dynamodb:PutItem", orders, iam.Allowed},
		{"action wildcard that misses", allow("dynamodb:Batch*", orders), "dynamodb:PutItem", orders, iam.NotAllowed},
		{"one character", allow("dynamodb:?etItem", orders), "dynamodb:GetItem", orders, iam.Allowed},
		{"two stars", allow("dynamodb:GetItem", "arn:aws:dynamodb:*:*:table/or*"), "dynamodb:GetItem", orders, iam.Allowed},
		{"star needs its end", allow("dynamodb:GetItem", "arn:aws:dynamodb:*:*:*/orders2"), "dynamodb:GetItem", orders, iam.NotAllowed},
		{"everything", allow("*", "*"), "dynamodb:GetItem", orders, iam.Allowed},
		{"list without resource", allow("secretsmanager:ListSecrets", "*"), "secretsmanager:ListSecrets", "*", iam.Allowed},
		{"list needs the star", allow("secretsmanager:ListSecrets", "arn:aws:secretsmanager:us-east-1:0:secret:a"), "secretsmanager:ListSecrets", "*", iam.NotAllowed},
		{"deny alone", deny("dynamodb:GetItem", orders), "dynamodb:GetItem", orders, iam.Denied},
		{"deny wins after", "[" + allow("*", "*") + "," + deny("dynamodb:Get*", orders) + "]", "dynamodb:GetItem", orders, iam.Denied},
		{"deny wins before", "[" + deny("dynamodb:Get*", orders) + "," + allow("*", "*") + "]", "dynamodb:GetItem", orders, iam.Denied},
		{"deny of something else", "[" + deny("dynamodb:PutItem", orders) + "," + allow("*", "*") + "]", "dynamodb:GetItem", orders, iam.Allowed},
		{
			"lists", `[{"Sid":"Read","Effect":"Allow","Action":["dynamodb:Query","dynamodb:GetItem"],"Resource":["` + orders + `2","` + orders + `"]}]`,
			"dynamodb:GetItem", orders, iam.Allowed,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := iam.Compile(policy(tt.statements))
			if err != nil {
				t.Fatalf("Compile(%s): %v", tt.statements, err)
			}
			if got := p.Decide(tt.action, tt.resource); got != tt.want {
				t.Errorf("%s: Decide(%q, %q) = %v, want %v", tt.statements, tt.action, tt.resource, got, tt.want)
			}
		})
	}
}

func TestPolicyThatIsNotUnderstoodIsRefused(t *testing.T) {
	const resource = `"Resource":"arn:aws:dynamodb:r:a:table/t"`
	tests := []struct{ name, statements, want string }{
		{"condition", `{"Effect":"Allow","Action":"dynamodb:GetItem",` + resource + `,"Condition":{}}`, `"Condition"`},
		{"not action", `{"Effect":"Allow","NotAction":"dynamodb:GetItem",` + resource + `}`, `"NotAction"`},
		{"not resource", `{"Effect":"Allow","Action":"dynamodb:GetItem","NotResource":"*"}`, `"NotResource"`},
		{"principal", `{"Effect":"Allow","Principal":"*","Action":"dynamodb:GetItem",` + resource + `}`, `"Principal"`},
		{"condition in a list", `[{"Effect":"Allow","Action":"dynamodb:GetItem",` + resource + `,"Condition":{}}]`, `"Condition"`},
		{"no action", `{"Effect":"Allow",` + resource + `}`, "needs an action"},
		{"no resource", `{"Effect":"Allow","Action":"dynamodb:GetItem"}`, "needs an action"},
		{"no effect", `{"Action":"dynamodb:GetItem",` + resource + `}`, `effect ""`},
		{"effect in another case", `{"Effect":"allow","Action":"dynamodb:GetItem",` + resource + `}`, `effect "allow"`},
		{"action that does not exist", `{"Effect":"Allow","Action":"dynamodb:TransactWriteItems",` + resource + `}`, "no action dynamodb:TransactWriteItems"},
		{"wildcard over nothing", `{"Effect":"Allow","Action":"secretsmanager:Fetch*",` + resource + `}`, "no action secretsmanager:Fetch*"},
		{"action without a service", `{"Effect":"Allow","Action":"GetItem",` + resource + `}`, `"GetItem" is not an action`},
		{"resource that is no ARN", `{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"orders"}`, `"orders" is not an ARN`},
		{"policy variable", `{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"arn:aws:dynamodb:r:a:table/${aws:username}"}`, "policy variable"},
		{"number for an action", `{"Effect":"Allow","Action":7,` + resource + `}`, "does not understand"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := iam.Compile(policy(tt.statements))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "policy needs") {
				t.Errorf("Compile(%s) = %v, want an error about policy needs with %q", tt.statements, err, tt.want)
			}
		})
	}
	for _, text := range []string{``, `null`, `{}`, `{"Version":"2008-10-17","Statement":[]}`, `{"Version":"2012-10-17","Statement":[],"More":1}`} {
		if _, err := iam.Compile([]cfn.Policy{{Name: "p", Document: json.RawMessage(text)}}); err == nil {
			t.Errorf("Compile of document %q succeeds, want an error", text)
		}
	}
}
