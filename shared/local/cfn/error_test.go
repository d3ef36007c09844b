package cfn_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// environment replaces the value of the variable ISSUER of the function Buy.
func environment(t *testing.T, value string) error {
	t.Helper()
	_, err := parse(t, `"ISSUER": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}`, `"ISSUER": `+value)
	return err
}

func TestUnknownIntrinsicIsRefused(t *testing.T) {
	for name, arg := range map[string]string{
		"Fn::Sub": `"${Buy}"`, "Fn::If": `["C", "a", "b"]`, "Fn::Select": `[0, ["a"]]`, "Fn::Split": `["-", "a-b"]`,
		"Fn::FindInMap": `["a", "b", "c"]`, "Fn::ImportValue": `"shop-data:orders"`, "Fn::Cidr": `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			err := environment(t, `{"`+name+`": `+arg+`}`)
			checkUnknown(t, err, name, "shop-service", "Buy (AWS::Lambda::Function)", "Properties.Environment.Variables.ISSUER")
		})
	}
}

// checkUnknown checks that err names the unknown thing and its place.
func checkUnknown(t *testing.T, err error, thing, stack, resource, path string) {
	t.Helper()
	e, ok := errors.AsType[*cfn.Error](err)
	unknown, isUnknown := errors.AsType[*cfn.UnknownError](err)
	if !ok || !isUnknown {
		t.Fatalf("error = %v, want %s to be unknown", err, thing)
	}
	if unknown.Thing != thing || e.Stack != stack || e.Resource != resource || e.Path != path {
		t.Errorf("error = %v, want %s in stack %s, resource %s, path %s", err, thing, stack, resource, path)
	}
	if !strings.HasSuffix(err.Error(), ": "+thing+" is not known here") {
		t.Errorf("error = %q, want it to end with the stock phrase", err)
	}
}

func TestUnknownReferenceIsRefused(t *testing.T) {
	tests := []struct{ name, value, thing, path string }{
		{"pseudo parameter", `{"Ref": "AWS::StackName"}`, "Ref AWS::StackName", ""},
		{"value that is none", `{"Ref": "AWS::NoValue"}`, "Ref AWS::NoValue", ""},
		{"parameter", `{"Ref": "BootstrapVersion"}`, "Ref BootstrapVersion", ""},
		{"resource", `{"Ref": "Nothing"}`, "Ref Nothing", ""},
		{"resource of another stack", `{"Ref": "Stock"}`, "Ref Stock", ""},
		{"type that has no Ref", `{"Ref": "BuyPermission"}`, "Ref BuyPermission", ""},
		{"attribute of no resource", `{"Fn::GetAtt": ["Nothing", "Arn"]}`, "Fn::GetAtt Nothing.Arn", ""},
		{"attribute", `{"Fn::GetAtt": ["BuyRole", "RoleId"]}`, "Fn::GetAtt BuyRole.RoleId", ""},
		{"type that has no attributes", `{"Fn::GetAtt": ["BuyRoute", "Arn"]}`, "Fn::GetAtt BuyRoute.Arn", ""},
		{"dynamic reference", `"{{resolve:ssm:x}}"`, "the dynamic reference {{resolve:ssm:x}}", ""},
		{"stack", output("far", "O", ""), "stack far", ".Fn::GetStackOutput"},
		{"output", output("shop-data", "O", ""), "output O of stack shop-data", ".Fn::GetStackOutput"},
		{"output of another account", output("shop-data", "KeyArn", `, "RoleArn": "r"`), "this property", ".Fn::GetStackOutput.RoleArn"},
		{
			"output of another region", strings.Replace(output("shop-data", "KeyArn", ""), `{"Ref": "AWS::Region"}`, `"eu-west-1"`, 1),
			`"eu-west-1"`, ".Fn::GetStackOutput.Region",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := "Properties.Environment.Variables.ISSUER" + tt.path
			checkUnknown(t, environment(t, tt.value), tt.thing, "shop-service", "Buy (AWS::Lambda::Function)", path)
		})
	}
}

func output(stack, name, more string) string {
	return `{"Fn::GetStackOutput": {"StackName": "` + stack + `", "OutputName": "` + name + `", "Region": {"Ref": "AWS::Region"}` + more + `}}`
}

// An output is checked when a resource refers to it.
func TestUnknownPartOfAnOutputIsRefused(t *testing.T) {
	err := environment(t, output("shop-data", "NotRead", ""))
	checkUnknown(t, err, "Fn::Unheard", "shop-data", "", "Outputs.NotRead.Value")
	service := read(t, serviceFile, "", "")
	data := read(t, dataFile, `{"Value": {"Ref": "Key7D1A"}}`, `{"Value": {"Ref": "Key7D1A"}, "Condition": "C"}`)
	_, err = cfn.Parse(cfn.Local, cfn.Source{Stack: "shop-data", JSON: []byte(data)}, cfn.Source{Stack: "shop-service", JSON: []byte(service)})
	checkUnknown(t, err, "this property", "shop-data", "", "Outputs.KeyArn.Condition")
}

func TestUnknownPartOfATemplateIsRefused(t *testing.T) {
	tests := []struct{ name, old, replacement, thing, resource, path string }{
		{"conditions", `"Outputs": {`, `"Conditions": {}, "Outputs": {`, "this property", "", "Conditions"},
		{"mappings", `"Outputs": {`, `"Mappings": {}, "Outputs": {`, "this property", "", "Mappings"},
		{"macro", `"Outputs": {`, `"Transform": "AWS::Serverless-2016-10-31", "Outputs": {`, "this property", "", "Transform"},
		{
			"resource under a condition", `"Type": "AWS::Lambda::Permission"`, `"Type": "AWS::Lambda::Permission", "Condition": "C"`,
			"this property", "BuyPermission (AWS::Lambda::Permission)", "Condition",
		},
		{
			"policy of an update", `"DependsOn": ["BuyRole"]`, `"UpdatePolicy": {}`,
			"this property", "Buy (AWS::Lambda::Function)", "UpdatePolicy",
		},
		{
			"resource type", "AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping",
			"resource type AWS::Lambda::EventSourceMapping", "BuyPermission (AWS::Lambda::EventSourceMapping)", "Type",
		},
		{
			"table that is not global", "AWS::Logs::LogGroup", "AWS::DynamoDB::Table",
			"resource type AWS::DynamoDB::Table", "BuyLogs (AWS::DynamoDB::Table)", "Type",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(t, tt.old, tt.replacement)
			checkUnknown(t, err, tt.thing, "shop-service", tt.resource, tt.path)
		})
	}
}

// notRead are the types of which no property is read.
var notRead = []string{"AWS::Lambda::Permission", "AWS::Lambda::Version", "AWS::Logs::LogGroup"}

// resources calls visit for each resource of the shop that is read. It may change
// the properties: a call of the function that it gets parses the templates with
// them.
func resources(t *testing.T, visit func(id, typ string, properties map[string]any, parse func() error)) {
	t.Helper()
	templates := map[string]map[string]any{}
	for stack, file := range map[string]string{"shop-data": dataFile, "shop-service": serviceFile} {
		var template map[string]any
		if err := json.Unmarshal([]byte(read(t, file, "", "")), &template); err != nil {
			t.Fatal(err)
		}
		templates[stack] = template
	}
	parse := func() error {
		var sources []cfn.Source
		for stack, template := range templates {
			text, err := json.Marshal(template)
			if err != nil {
				return err
			}
			sources = append(sources, cfn.Source{Stack: stack, JSON: text})
		}
		_, err := cfn.Parse(cfn.Local, sources...)
		return err
	}
	for _, template := range templates {
		for id, v := range template["Resources"].(map[string]any) {
			resource := v.(map[string]any)
			if typ := resource["Type"].(string); !slices.Contains(notRead, typ) && id != "OtherRole" {
				visit(id, typ, resource["Properties"].(map[string]any), parse)
			}
		}
	}
}

func TestUnknownPropertyIsRefused(t *testing.T) {
	visited := 0
	resources(t, func(id, typ string, properties map[string]any, parse func() error) {
		visited++
		properties["CorsConfiguration"] = map[string]any{}
		err := parse()
		delete(properties, "CorsConfiguration")
		e, ok := errors.AsType[*cfn.Error](err)
		if !ok || e.Resource != id+" ("+typ+")" || e.Path != "Properties.CorsConfiguration" || e.Err.Error() != "this property is not known here" {
			t.Errorf("resource %s with an unknown property = %v, want it to be refused", id, err)
		}
	})
	if visited != 16 {
		t.Errorf("%d resources were changed, want 16", visited)
	}
}

func TestMissingPropertyIsRefused(t *testing.T) {
	// mayMiss are the properties that are not read, or that a table may lack.
	mayMiss := []string{
		"ApiId", "Architectures", "AssumeRolePolicyDocument", "BillingMode", "Code", "Description", "FunctionVersion", "GlobalSecondaryIndexes",
		"Replicas", "SSESpecification", "TimeToLiveSpecification", "WriteOnDemandThroughputSettings",
	}
	// needed are properties that mayMiss names for another type.
	needed := []string{"AWS::SecretsManager::Secret Description", "AWS::ApiGatewayV2::Route ApiId"}
	resources(t, func(id, typ string, properties map[string]any, parse func() error) {
		for name, value := range properties {
			if typ == "AWS::ApiGatewayV2::Api" && name == "Name" || slices.Contains(mayMiss, name) && !slices.Contains(needed, typ+" "+name) {
				continue
			}
			delete(properties, name)
			err := parse()
			properties[name] = value
			if e, ok := errors.AsType[*cfn.Error](err); !ok || !strings.HasPrefix(e.Resource, id+" ") || e.Path != "Properties."+name {
				t.Errorf("resource %s without its %s = %v, want it to be refused", id, name, err)
			}
		}
	})
}

func TestUnknownValueIsRefused(t *testing.T) {
	const (
		buy    = "Buy (AWS::Lambda::Function)"
		buys   = "BuyIntegration (AWS::ApiGatewayV2::Integration)"
		route  = "BuyRoute (AWS::ApiGatewayV2::Route)"
		hourly = "Hourly (AWS::Events::Rule)"
		turns  = "KeyRotation (AWS::SecretsManager::RotationSchedule)"
	)
	tests := []struct{ name, old, replacement, thing, resource, path string }{
		{"runtime", "provided.al2023", "python3.14", `"python3.14"`, buy, "Properties.Runtime"},
		{"role", `{"Fn::GetAtt": ["BuyRole", "Arn"]}`, `"arn:aws:iam::1:role/x"`, `role "arn:aws:iam::1:role/x"`, buy, "Properties.Role"},
		{"part of an environment", `"Variables": {`, `"Secrets": {}, "Variables": {`, "this property", buy, "Properties.Environment.Secrets"},
		{"managed policy", `"Policies": [
     {`, `"ManagedPolicyArns": ["arn:aws:iam::aws:policy/X"], "Policies": [
     {`, "this property", "BuyRole (AWS::IAM::Role)", "Properties.ManagedPolicyArns"},
		{"boundary", `"Description": "What buy may do"`, `"PermissionsBoundary": "x"`, "this property", "BuyRole (AWS::IAM::Role)", "Properties.PermissionsBoundary"},
		{"part of a policy", `"PolicyName": "needs",`, `"PolicyName": "needs", "Sid": "x",`, "this property", "BuyRole (AWS::IAM::Role)", "Properties.Policies[0].Sid"},
		{"weights of an alias", `"Name": "live"`, `"Name": "live", "RoutingConfig": {}`, "this property", "BuyLive (AWS::Lambda::Alias)", "Properties.RoutingConfig"},
		{"protocol", `"ProtocolType": "HTTP"`, `"ProtocolType": "WEBSOCKET"`, `"WEBSOCKET"`, "Api (AWS::ApiGatewayV2::Api)", "Properties.ProtocolType"},
		{"CORS", `"ProtocolType": "HTTP"`, `"ProtocolType": "HTTP", "CorsConfiguration": {}`, "this property", "Api (AWS::ApiGatewayV2::Api)", "Properties.CorsConfiguration"},
		{"stage with a name", `"$default"`, `"v1"`, `"v1"`, "ApiStage (AWS::ApiGatewayV2::Stage)", "Properties.StageName"},
		{"integration", "AWS_PROXY", "HTTP_PROXY", `"HTTP_PROXY"`, buys, "Properties.IntegrationType"},
		{"payload", `"PayloadFormatVersion": "2.0"`, `"PayloadFormatVersion": "1.0"`, `"1.0"`, buys, "Properties.PayloadFormatVersion"},
		{"function of an integration", `{"Ref": "BuyLive"}`, `"arn:aws:lambda:r:a:function:gone"`, `function "arn:aws:lambda:r:a:function:gone"`, buys, "Properties.IntegrationUri"},
		{"authorizer", `"NONE"`, `"JWT"`, `"JWT"`, route, "Properties.AuthorizationType"},
		{"target of a route", `["integrations/", {"Ref": "BuyIntegration"}]`, `["integrations/", "x"]`, `integration "integrations/x"`, route, "Properties.Target"},
		{"rule that waits for events", `"ScheduleExpression": "rate(1 hour)"`, `"ScheduleExpression": "rate(1 hour)", "EventPattern": {}`, "this property", hourly, "Properties.EventPattern"},
		{"rule that sleeps", "ENABLED", "DISABLED", `"DISABLED"`, hourly, "Properties.State"},
		{"target that is no function", `[{"Id": "Target0", "Arn": {"Ref": "BuyLive"}`, `[{"Id": "Target0", "Arn": "arn:aws:sqs:r:a:queue"`, `function "arn:aws:sqs:r:a:queue"`, hourly, "Properties.Targets[0].Arn"},
		{"event of its own", `"Id": "Target0"`, `"Id": "Target0", "Input": "{}"`, "this property", hourly, "Properties.Targets[0].Input"},
		{"two targets", `"Targets": [`, `"Targets": [{"Arn": "x"}, `, "a list of 2", hourly, "Properties.Targets"},
		{"function of a rotation", `{"Fn::GetAtt": ["Turn", "Arn"]},
    "RotationRules"`, `"who", "RotationRules"`, `function "who"`, turns, "Properties.RotationLambdaARN"},
		{"schedule of a rotation", `"AutomaticallyAfterDays": 30`, `"AutomaticallyAfterDays": 30, "Duration": "3h"`, "this property", turns, "Properties.RotationRules.Duration"},
		{"secret of a rotation", `"OutputName": "KeyArn"`, `"OutputName": "OrdersName"`, `secret "shop-orders"`, turns, "Properties.SecretId"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(t, tt.old, tt.replacement)
			checkUnknown(t, err, tt.thing, "shop-service", tt.resource, tt.path)
		})
	}
}

func TestUnknownValueOfDataIsRefused(t *testing.T) {
	const (
		orders = "Orders5E2E8DE3 (AWS::DynamoDB::GlobalTable)"
		secret = "Key7D1A (AWS::SecretsManager::Secret)"
	)
	tests := []struct{ name, old, replacement, thing, resource, path string }{
		{"type of a key", `"AttributeType": "S"`, `"AttributeType": "N"`, `"N"`, orders, "Properties.AttributeDefinitions[0].AttributeType"},
		{"projection", `"ALL"`, `"INCLUDE"`, `"INCLUDE"`, orders, "Properties.GlobalSecondaryIndexes[0].Projection.ProjectionType"},
		{"part of a projection", `"ALL"`, `"ALL", "NonKeyAttributes": []`, "this property", orders, "Properties.GlobalSecondaryIndexes[0].Projection.NonKeyAttributes"},
		{"part of an index", `"by_day",`, `"by_day", "Warm": 1,`, "this property", orders, "Properties.GlobalSecondaryIndexes[0].Warm"},
		{"local index", `"BillingMode"`, `"LocalSecondaryIndexes": [], "BillingMode"`, "this property", orders, "Properties.LocalSecondaryIndexes"},
		{"order of a key", `"KeyType": "HASH"`, `"KeyType": "RANGE"`, `"RANGE"`, orders, "Properties.GlobalSecondaryIndexes[0].KeySchema[0].KeyType"},
		{"part of a key", `"KeyType": "HASH"`, `"KeyType": "HASH", "X": 1`, "this property", orders, "Properties.GlobalSecondaryIndexes[0].KeySchema[0].X"},
		{"part of a definition", `"AttributeType": "S"`, `"AttributeType": "S", "X": 1`, "this property", orders, "Properties.AttributeDefinitions[0].X"},
		{"part of the TTL", `"Enabled": true`, `"Enabled": true, "X": 1`, "this property", orders, "Properties.TimeToLiveSpecification.X"},
		{"literal value", `"Name": "shop/key",`, `"Name": "shop/key", "SecretString": "s",`, "this property", secret, "Properties.SecretString"},
		{"rule for a password", `"GenerateStringKey"`, `"PasswordLength": 48, "GenerateStringKey"`, "this property", secret, "Properties.GenerateSecretString.PasswordLength"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := read(t, dataFile, tt.old, tt.replacement)
			_, err := cfn.Parse(cfn.Local, cfn.Source{Stack: "shop-data", JSON: []byte(data)})
			checkUnknown(t, err, tt.thing, "shop-data", tt.resource, tt.path)
		})
	}
}

func TestWrongFormIsRefused(t *testing.T) {
	const variable = "Properties.Environment.Variables.ISSUER"
	tests := []struct{ name, old, replacement, path, want string }{
		{"Ref of a number", `{"Fn::GetAtt": ["Api", "ApiEndpoint"]}`, `{"Ref": 7}`, variable, "a text is wanted"},
		{"attribute without a list", `{"Fn::GetAtt": ["Api", "ApiEndpoint"]}`, `{"Fn::GetAtt": "Api.ApiEndpoint"}`, variable, "a list is wanted"},
		{"attribute without a name", `{"Fn::GetAtt": ["Api", "ApiEndpoint"]}`, `{"Fn::GetAtt": ["Api"]}`, variable, "a list of 2 is wanted, not of 1"},
		{"join of an object", `"ISSUER": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}`, `"ISSUER": {"Fn::Join": ["-", ["a", {"a": 1}]]}`, variable + ".Fn::Join[1][1]", "a text is wanted"},
		{"join of a text", `"ISSUER": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}`, `"ISSUER": {"Fn::Join": ["-", "a"]}`, variable + ".Fn::Join[1]", "a list is wanted"},
		{"output by its name", `"ISSUER": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}`, `"ISSUER": {"Fn::GetStackOutput": "shop-data"}`, variable + ".Fn::GetStackOutput", "an object is wanted"},
		{"text as a number", `"MemorySize": 256`, `"MemorySize": "256"`, "Properties.MemorySize", "a number is wanted"},
		{"part of a number", `"MemorySize": 256`, `"MemorySize": 25.6`, "Properties.MemorySize", "a whole number is wanted"},
		{"list as an environment", `"Environment": {
     "Variables": {`, `"Environment": [], "Code": {"x": {`, "Properties.Environment", "an object is wanted"},
		{"null as a role", `"Role": {"Fn::GetAtt": ["BuyRole", "Arn"]}`, `"Role": null`, "Properties.Role", "a text is wanted"},
		{"text as a truth", `"RotateImmediatelyOnUpdate": true`, `"RotateImmediatelyOnUpdate": "true"`, "Properties.RotateImmediatelyOnUpdate", "true or false is wanted"},
		{"function that is named by itself", `"FunctionName": "shop-buy"`, `"FunctionName": {"Ref": "Buy"}`, "Properties.FunctionName", "it nests deeper than 64, or a reference leads back to itself"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(t, tt.old, tt.replacement)
			if e, ok := errors.AsType[*cfn.Error](err); !ok || e.Path != tt.path || e.Err.Error() != tt.want {
				t.Errorf("error = %v, want path %s: %s", err, tt.path, tt.want)
			}
		})
	}
}

func TestKeyWithThreeAttributesIsRefused(t *testing.T) {
	data := read(t, dataFile, `{"AttributeName": "sku", "KeyType": "HASH"}`, `{}, {}, {}`)
	_, err := cfn.Parse(cfn.Local, cfn.Source{Stack: "shop-data", JSON: []byte(data)})
	want := "stack shop-data, resource Stock (AWS::DynamoDB::GlobalTable), path Properties.KeySchema: a list of 1 or 2 is wanted, not of 3"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestCircleOfOutputsIsRefused(t *testing.T) {
	data := read(t, dataFile, `{"Value": {"Ref": "Key7D1A"}}`, `{"Value": `+output("shop-data", "KeyArn", "")+`}`)
	service := read(t, serviceFile, "", "")
	_, err := cfn.Parse(cfn.Local, cfn.Source{Stack: "shop-data", JSON: []byte(data)}, cfn.Source{Stack: "shop-service", JSON: []byte(service)})
	if e, ok := errors.AsType[*cfn.Error](err); !ok || !strings.HasPrefix(e.Path, "Outputs.KeyArn.Value") || !strings.Contains(err.Error(), "leads back to itself") {
		t.Errorf("error = %v, want a circle at Outputs.KeyArn.Value", err)
	}
}

func TestDeepPolicyIsRefused(t *testing.T) {
	deep := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	_, err := parse(t, `"Resource": {"Fn::GetAtt": ["BuyLogs", "Arn"]}`, `"Resource": `+deep)
	if e, ok := errors.AsType[*cfn.Error](err); !ok || e.Resource != "BuyRole (AWS::IAM::Role)" || !strings.Contains(err.Error(), "nests deeper") {
		t.Errorf("error = %v, want the role and its depth", err)
	}
}

func TestBrokenFileIsRefusedInOneLine(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ name, content, want string }{
		{"missing", "", "missing.template.json does not exist"},
		{"torn", `{"Resources":`, "stack torn is broken: it is not JSON"},
		{"list", `[]`, "stack list: an object is wanted"},
		{"empty", `{}`, "stack empty, path Resources: it is missing"},
		{"hollow", `{"Resources":{}}`, "stack hollow, path Resources: it is missing"},
		{"double", `{"Resources":{"A":{"Type":"X"}}}{}`, "stack double is broken: text follows its JSON"},
		{"untyped", `{"Resources":{"A":{}}}`, "stack untyped, path Resources.A.Type: it is missing"},
		{"conditional", `{"Conditions":{},"Resources":{"A":{"Type":"AWS::Lambda::Version","Properties":{}}}}`, "stack conditional, path Conditions: this property is not known here"},
		{"null", `{"Resources":{"A":null}}`, "stack null, path Resources.A: an object is wanted"},
		{"bare", `{"Resources":{"A":{"Type":"AWS::Lambda::Version"}}}`, "stack bare, resource A (AWS::Lambda::Version), path Properties: it is missing"},
		{"call", `{"Resources":{"Ref":"AWS::Region"}}`, "stack call, path Resources: an object is wanted"},
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
	if _, err := cfn.Read(cfn.Local, dir); err == nil || !strings.Contains(err.Error(), "read template") {
		t.Errorf("Read of a folder = %v, want an error", err)
	}
}

func TestTwoTemplatesOfOneStackAreRefused(t *testing.T) {
	if _, err := cfn.Read(cfn.Local, dataFile, dataFile); err == nil || err.Error() != "two templates describe stack shop-data" {
		t.Errorf("Read of one stack twice = %v, want an error", err)
	}
}
