package cfn

import (
	"errors"
	"fmt"
	"strings"
)

// The resource types that somebody may refer to.
const (
	typeTable       = "AWS::DynamoDB::Table"
	typeGlobalTable = "AWS::DynamoDB::GlobalTable"
	typeFunction    = "AWS::Lambda::Function"
	typeAlias       = "AWS::Lambda::Alias"
	typeVersion     = "AWS::Lambda::Version"
	typeRole        = "AWS::IAM::Role"
	typePolicy      = "AWS::IAM::Policy"
	typeRolePolicy  = "AWS::IAM::RolePolicy"
	typeManaged     = "AWS::IAM::ManagedPolicy"
	typeSecret      = "AWS::SecretsManager::Secret"
	typeSchedule    = "AWS::SecretsManager::RotationSchedule"
	typeAPI         = "AWS::ApiGatewayV2::Api"
	typeAPIStage    = "AWS::ApiGatewayV2::Stage"
	typeRoute       = "AWS::ApiGatewayV2::Route"
	typeIntegration = "AWS::ApiGatewayV2::Integration"
	typeLogGroup    = "AWS::Logs::LogGroup"
	typeRule        = "AWS::Events::Rule"
)

// nameProperty is where a type keeps its physical name.
var nameProperty = map[string]string{
	typeTable:       "TableName",
	typeGlobalTable: "TableName",
	typeFunction:    "FunctionName",
	typeAlias:       "Name",
	typeRole:        "RoleName",
	typeSecret:      "Name",
	typeAPIStage:    "StageName",
	typeLogGroup:    "LogGroupName",
	typeRule:        "Name",
}

// ref resolves {"Ref": name}: a pseudo parameter, a parameter or a resource.
func (r *reader) ref(t *template, arg any) (any, error) {
	name, ok := arg.(string)
	if !ok {
		return nil, errors.New("a Ref wants a name")
	}
	if v, ok := r.pseudo(t, name); ok {
		return v, nil
	}
	if p, ok := t.Parameters[name]; ok {
		return p.value(name)
	}
	res, ok := t.Resources[name]
	if !ok {
		return nil, fmt.Errorf("the Ref %s names nothing in this template", name)
	}
	return r.identity(res)
}

func (r *reader) pseudo(t *template, name string) (any, bool) {
	switch name {
	case "AWS::Region":
		return r.place.Region, true
	case "AWS::AccountId":
		return r.place.Account, true
	case "AWS::Partition":
		return partition, true
	case "AWS::URLSuffix":
		return urlSuffix, true
	case "AWS::StackName":
		return t.stack, true
	case "AWS::StackId":
		return r.place.arn("cloudformation", "stack/"+t.stack+"/"+suffix(t.stack)), true
	case "AWS::NoValue":
		return absent{}, true
	}
	return nil, false
}

func (p parameter) value(name string) (any, error) {
	if p.Default == nil {
		return nil, fmt.Errorf("parameter %s has no default", name)
	}
	if strings.HasPrefix(p.Type, "AWS::SSM::") {
		return nil, fmt.Errorf("parameter %s has a value only in AWS", name)
	}
	if s, ok := p.Default.(string); ok && p.Type == "CommaDelimitedList" {
		var list []any
		for _, part := range strings.Split(s, ",") {
			list = append(list, strings.TrimSpace(part))
		}
		return list, nil
	}
	return p.Default, nil
}

// identity is what Ref gives for a resource: for most types the physical name.
func (r *reader) identity(res *resource) (any, error) {
	switch res.Type {
	case typeSecret:
		return r.attribute(res, "Arn")
	case typeVersion:
		return r.qualified(res, "1")
	case typeAlias:
		name, err := r.physicalName(res)
		if err != nil {
			return nil, err
		}
		return r.qualified(res, name)
	case typeAPI, typeIntegration, typeRoute:
		return strings.ToLower(suffix(res.t.stack, res.id)[:10]), nil
	}
	if _, named := nameProperty[res.Type]; named {
		return r.physicalName(res)
	}
	return nil, fmt.Errorf("the Ref %s: what a %s is called is not known here", res.id, res.Type)
}

// physicalName is the name that the template gives, or one made up as AWS would.
func (r *reader) physicalName(res *resource) (string, error) {
	property := nameProperty[res.Type]
	v, err := r.resolve(res.t, res.Properties[property])
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", property, res.id, err)
	}
	if _, gone := v.(absent); gone || v == nil {
		return generated(res.t.stack, res.id), nil
	}
	name, err := text(v)
	if err != nil || name == "" {
		return "", fmt.Errorf("%s of %s is not a name", property, res.id)
	}
	return name, nil
}

// qualified is the ARN of the function that an alias or version belongs to,
// with the qualifier.
func (r *reader) qualified(res *resource, qualifier string) (string, error) {
	v, err := r.resolve(res.t, res.Properties["FunctionName"])
	if err != nil {
		return "", fmt.Errorf("FunctionName of %s: %w", res.id, err)
	}
	name, _ := v.(string)
	if function, _, err := parseFunctionARN(name); err == nil {
		name = function
	}
	if name == "" {
		return "", fmt.Errorf("FunctionName of %s is not a name", res.id)
	}
	return r.place.FunctionARN(name) + ":" + qualifier, nil
}

// getAtt resolves {"Fn::GetAtt": [id, attribute]}.
func (r *reader) getAtt(t *template, arg any) (any, error) {
	list, ok := arg.([]any)
	if s, isText := arg.(string); isText {
		id, attribute, _ := strings.Cut(s, ".")
		list, ok = []any{id, attribute}, true
	}
	if !ok || len(list) != 2 {
		return nil, errors.New("Fn::GetAtt wants a resource and an attribute")
	}
	id, _ := list[0].(string)
	attribute, _ := list[1].(string)
	res, ok := t.Resources[id]
	if !ok {
		return nil, fmt.Errorf("Fn::GetAtt %s.%s names nothing in this template", id, attribute)
	}
	return r.attribute(res, attribute)
}

func (r *reader) attribute(res *resource, attribute string) (any, error) {
	if res.Type == typeAPI {
		return r.apiAttribute(res, attribute)
	}
	if res.Type == typeVersion && attribute == "Version" {
		return "1", nil
	}
	if (res.Type == typeVersion && attribute == "FunctionArn") || (res.Type == typeAlias && attribute == "AliasArn") {
		return r.identity(res)
	}
	write := r.arnOf(res.Type)
	isARN := attribute == "Arn" || (res.Type == typeSecret && attribute == "Id")
	if write == nil || !isARN {
		return nil, fmt.Errorf("Fn::GetAtt %s.%s: this attribute of %s is not known here", res.id, attribute, res.Type)
	}
	name, err := r.physicalName(res)
	if err != nil {
		return nil, err
	}
	return write(name), nil
}

func (r *reader) arnOf(typ string) func(name string) string {
	switch typ {
	case typeTable, typeGlobalTable:
		return r.place.TableARN
	case typeFunction:
		return r.place.FunctionARN
	case typeRole:
		return r.place.RoleARN
	case typeSecret:
		return r.place.SecretARN
	case typeRule:
		return r.place.RuleARN
	case typeLogGroup:
		return func(name string) string { return r.place.arn("logs", "log-group:"+name+":*") }
	}
	return nil
}

func (r *reader) apiAttribute(res *resource, attribute string) (any, error) {
	id, err := r.identity(res)
	if err != nil {
		return nil, err
	}
	switch attribute {
	case "ApiId":
		return id, nil
	case "ApiEndpoint":
		return fmt.Sprintf("https://%s.execute-api.%s.%s", id, r.place.Region, urlSuffix), nil
	}
	return nil, fmt.Errorf("Fn::GetAtt %s.%s: this attribute of %s is not known here", res.id, attribute, res.Type)
}
