package cfn_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// function is a template with one function whose property has the given JSON.
func function(property, value string) string {
	return `{"Resources":{
		"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"role"}},
		"Other":{"Type":"Acme::Thing"},
		"Fn":{"Type":"AWS::Lambda::Function","Properties":{
			"FunctionName":"fn","Role":{"Fn::GetAtt":["Role","Arn"]},"` + property + `":` + value + `}}},
		"Parameters":{"Open":{"Type":"String"},"SSM":{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/x"}},
		"Conditions":{"Round":{"Condition":"Round"},"Odd":{"Fn::Maybe":[]}},
		"Outputs":{"Hidden":{"Value":"v","Condition":"Never"}}}`
}

func environment(value string) string {
	return function("Environment", `{"Variables":{"X":`+value+`}}`)
}

func TestUnresolvable(t *testing.T) {
	tests := []struct {
		name, template, property, want string
	}{
		{"reference to nothing", environment(`{"Ref":"Nope"}`), "Environment", "Ref Nope names nothing"},
		{"reference to an unknown type", environment(`{"Ref":"Other"}`), "Environment", "Acme::Thing"},
		{"attribute of nothing", environment(`{"Fn::GetAtt":["Nope","Arn"]}`), "Environment", "Nope.Arn names nothing"},
		{"unknown attribute", environment(`{"Fn::GetAtt":["Role","RoleId"]}`), "Environment", "Role.RoleId"},
		{"attribute without a name", environment(`{"Fn::GetAtt":7}`), "Environment", "Fn::GetAtt wants"},
		{"unknown function", environment(`{"Fn::Cidr":[]}`), "Environment", "Fn::Cidr is not known"},
		{"dynamic reference", environment(`"{{resolve:ssm:x}}"`), "Environment", "dynamic reference"},
		{"parameter without default", environment(`{"Ref":"Open"}`), "Environment", "parameter Open has no default"},
		{"parameter in AWS", environment(`{"Ref":"SSM"}`), "Environment", "only in AWS"},
		{"stack that was not read", environment(`{"Fn::GetStackOutput":{"StackName":"far","OutputName":"O"}}`), "Environment", `stack "far" was not read (main were)`},
		{"missing output", environment(`{"Fn::GetStackOutput":{"StackName":"main","OutputName":"O"}}`), "Environment", "has no output O"},
		{"output of a broken condition", environment(`{"Fn::GetStackOutput":{"StackName":"main","OutputName":"Hidden"}}`), "Environment", "condition Never"},
		{"other region", environment(`{"Fn::GetStackOutput":{"StackName":"main","OutputName":"O","Region":"xx"}}`), "Environment", "region xx"},
		{"import of nothing", environment(`{"Fn::ImportValue":"gone"}`), "Environment", "exports gone"},
		{"short join", environment(`{"Fn::Join":["-"]}`), "Environment", "wants 2 arguments"},
		{"join of an object", environment(`{"Fn::Join":["-",[{"a":1}]]}`), "Environment", "element 0"},
		{"select beyond the end", environment(`{"Fn::Select":["3",["a"]]}`), "Environment", "no element"},
		{"split by nothing", environment(`{"Fn::Split":["","a"]}`), "Environment", "Fn::Split"},
		{"open sub", environment(`{"Fn::Sub":"${AWS::Region"}`), "Environment", "not closed"},
		{"sub of nothing", environment(`{"Fn::Sub":"${Nope}"}`), "Environment", "Ref Nope"},
		{"missing map", environment(`{"Fn::FindInMap":["a","b","c"]}`), "Environment", "a.b.c"},
		{"missing condition", environment(`{"Fn::If":["Nope","a","b"]}`), "Environment", "condition Nope"},
		{"circle of conditions", environment(`{"Fn::If":["Round","a","b"]}`), "Environment", "circle"},
		{"unknown condition function", environment(`{"Fn::If":["Odd","a","b"]}`), "Environment", "Fn::Maybe"},
		{"circle of names", function("FunctionName", `{"Ref":"Fn"}`), "FunctionName", "circle"},
		{"unknown role", function("Role", `"arn:aws:iam::1:role/x"`), "Role", "declares role"},
		{"no role", function("Role", `""`), "Role", "missing"},
		{"no number", function("MemorySize", `"much"`), "MemorySize", `"much" is not a number`},
		{"two architectures", function("Architectures", `["arm64","x86_64"]`), "Architectures", "exactly one"},
		{"environment of another form", function("Environment", `[]`), "Environment", "unexpected form"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := cfn.Parse(cfn.Local, cfn.Source{Stack: "main", JSON: []byte(tt.template)})
			e, ok := errors.AsType[*cfn.Error](err)
			if !ok {
				t.Fatalf("Parse(%s) = %v, want a *cfn.Error", tt.template, err)
			}
			if e.Stack != "main" || e.Resource != "Fn (AWS::Lambda::Function)" || e.Property != tt.property || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want it to name stack main, resource Fn, property %s and %q", err, tt.property, tt.want)
			}
		})
	}
}

func TestRefusedResources(t *testing.T) {
	// with adds resources to a template that has a role and a function.
	with := func(more string) string {
		return `{"Resources":{
		"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"role"}},
		"Fn":{"Type":"AWS::Lambda::Function","Properties":{"FunctionName":"fn","Role":{"Fn::GetAtt":["Role","Arn"]}}},` + more + `}}`
	}
	tests := []struct{ name, resource, want string }{
		{"managed policy on a role", `"M":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"Roles":["role"]}}`, "resource M (AWS::IAM::ManagedPolicy), property Roles"},
		{"boundary on a role", `"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"role","PermissionsBoundary":"x"}}`, "property PermissionsBoundary"},
		{"HTTP integration", `"I":{"Type":"AWS::ApiGatewayV2::Integration","Properties":{"IntegrationType":"HTTP_PROXY"}}`, "property IntegrationType"},
		{"old payload", `"I":{"Type":"AWS::ApiGatewayV2::Integration","Properties":{"IntegrationType":"AWS_PROXY","PayloadFormatVersion":"1.0"}}`, "property PayloadFormatVersion"},
		{"integration with no function", `"I":{"Type":"AWS::ApiGatewayV2::Integration","Properties":{"IntegrationType":"AWS_PROXY","PayloadFormatVersion":"2.0","IntegrationUri":"arn:aws:lambda:r:a:function:gone"}}`, `declares function "gone"`},
		{"route to nowhere", `"R":{"Type":"AWS::ApiGatewayV2::Route","Properties":{"RouteKey":"GET /","ApiId":"a","Target":"integrations/x"}}`, "property Target"},
		{"table without a key", `"T":{"Type":"AWS::DynamoDB::Table","Properties":{}}`, "no partition key"},
		{"key without a definition", `"T":{"Type":"AWS::DynamoDB::Table","Properties":{"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}]}}`, `"a" of the key has no definition`},
		{"rotation of no secret", `"S":{"Type":"AWS::SecretsManager::RotationSchedule","Properties":{"SecretId":"arn:x","RotationLambdaARN":{"Fn::GetAtt":["Fn","Arn"]}}}`, `declares secret "arn:x"`},
		{"rotation by nobody", `"S":{"Type":"AWS::SecretsManager::RotationSchedule","Properties":{"SecretId":"arn:x","RotationLambdaARN":"who"}}`, "property RotationLambdaARN"},
		{"rule that waits for events", `"E":{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["x"]}}}`, "property EventPattern"},
		{"rule without a schedule", `"E":{"Type":"AWS::Events::Rule","Properties":{"Targets":[{"Arn":{"Fn::GetAtt":["Fn","Arn"]}}]}}`, "property ScheduleExpression"},
		{"rule that calls nobody", `"E":{"Type":"AWS::Events::Rule","Properties":{"ScheduleExpression":"rate(1 day)"}}`, "property Targets"},
		{"rule that calls a stranger", `"E":{"Type":"AWS::Events::Rule","Properties":{"ScheduleExpression":"rate(1 day)","Targets":[{"Arn":"arn:aws:sqs:r:a:queue"}]}}`, "property Targets"},
		{"rule with an event of its own", `"E":{"Type":"AWS::Events::Rule","Properties":{"ScheduleExpression":"rate(1 day)","Targets":[{"Arn":{"Fn::GetAtt":["Fn","Arn"]},"Input":"{}"}]}}`, "Input does not run locally"},
		{"two values of a secret", `"S":{"Type":"AWS::SecretsManager::Secret","Properties":{"SecretString":"a","GenerateSecretString":{}}}`, "property SecretString"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := cfn.Parse(cfn.Local, cfn.Source{Stack: "main", JSON: []byte(with(tt.resource))})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse with %s = %v, want an error with %q", tt.resource, err, tt.want)
			}
		})
	}
}

func TestBrokenFiles(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ name, content, want string }{
		{"missing", "", "missing.template.json does not exist"},
		{"torn", `{"Resources":`, "stack torn is broken: it is not the JSON of a template"},
		{"empty", `{}`, "stack empty is broken: it declares no resources"},
		{"double", `{"Resources":{"A":{"Type":"X"}}}{}`, "something follows"},
		{"untyped", `{"Resources":{"A":{}}}`, "resource A has no type"},
		{"null", `{"Resources":{"A":null}}`, "resource A has no type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(dir, tt.name+".template.json")
			if tt.content != "" {
				if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := cfn.Read(cfn.Local, file)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Read(%s) = %v, want one line with %q", tt.content, err, tt.want)
			}
		})
	}
	source := cfn.Source{Stack: "s", JSON: []byte(`{"Resources":{"A":{"Type":"X"}}}`)}
	if _, err := cfn.Parse(cfn.Local, source, source); err == nil {
		t.Error("Parse of one stack twice succeeds, want an error")
	}
}
