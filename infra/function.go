package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// function is one function of the contract in AWS: the Lambda with its role and its log
// group, and the alias that the API or a schedule calls.
type function struct {
	contract.Function
	Lambda awslambda.Function
	// Live points to the deployed version. A task without a schedule has none: its caller,
	// Secrets Manager, calls the function without a version.
	Live awslambda.Alias
}

// oneCPU is the memory in MiB up to which Lambda gives at most one vCPU. On one vCPU a
// second thread costs the Go runtime time and gains nothing.
const oneCPU = 1769

// addFunction adds f to the service.
func (s *serviceStack) addFunction(f contract.Function) *function {
	scope := constructs.NewConstruct(s.stack, new(f.Name))
	logs := awslogs.NewLogGroup(scope, new("Logs"), &awslogs.LogGroupProps{
		LogGroupName:  new("/aws/lambda/" + contract.FunctionName(s.stage.Name, f)),
		Retention:     s.stage.LogRetention,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	lambda := awslambda.NewFunction(scope, new("Function"), &awslambda.FunctionProps{
		FunctionName:  new(contract.FunctionName(s.stage.Name, f)),
		Description:   new(f.Summary),
		Runtime:       awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:  awslambda.Architecture_ARM_64(),
		Handler:       new("bootstrap"),
		Code:          s.release.code(scope, f),
		MemorySize:    jsii.Number(f.Memory),
		Timeout:       awscdk.Duration_Millis(jsii.Number(f.Timeout.Milliseconds())),
		Environment:   s.environment(f),
		Role:          s.role(scope, f, logs),
		LogGroup:      logs,
		LoggingFormat: awslambda.LoggingFormat_JSON,
	})
	out := &function{Function: f, Lambda: lambda}
	if f.IsTask() && f.Every == 0 {
		return out
	}
	alias := &awslambda.AliasProps{AliasName: new("live"), Version: lambda.CurrentVersion()}
	if f.Warm && s.stage.Warm > 0 {
		alias.ProvisionedConcurrentExecutions = &s.stage.Warm
	}
	out.Live = awslambda.NewAlias(scope, new("Live"), alias)
	return out
}

// role grants f its Needs and access to its own log. No other code writes a policy.
// Each action is granted on one ARN. The ARN of a log group ends in ":*", which stands
// for its streams.
func (s *serviceStack) role(scope constructs.Construct, f contract.Function, logs awslogs.LogGroup) awsiam.Role {
	needs := awsiam.NewPolicyDocument(nil)
	for _, n := range f.Needs {
		if n.Resource == contract.Mail && s.stage.Mail == nil {
			continue // it sends none
		}
		needs.AddStatements(allow(s.arn(f, n), n.Actions...))
	}
	needs.AddStatements(allow(logs.LogGroupArn(), "logs:CreateLogStream", "logs:PutLogEvents"))
	return awsiam.NewRole(scope, new("Role"), &awsiam.RoleProps{
		Description:    new("What " + contract.FunctionName(s.stage.Name, f) + " may do"),
		AssumedBy:      awsiam.NewServicePrincipal(new("lambda.amazonaws.com"), nil),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"needs": needs},
	})
}

// arn returns the ARN of a need.
func (s *serviceStack) arn(f contract.Function, n contract.Need) *string {
	if n.Resource == contract.Mail {
		return s.stack.FormatArn(&awscdk.ArnComponents{
			Service: new("ses"), Resource: new("identity"), ResourceName: &s.stage.Mail.Identity,
		})
	}
	arn, ok := s.data.arns[n.Resource]
	if !ok {
		panic(fmt.Sprintf("function %s needs %s, which the data stack does not have", f.Name, n.Resource))
	}
	if n.Index == "" {
		return arn
	}
	return awscdk.Fn_Join(new("/"), &[]*string{arn, new("index"), &n.Index})
}

func allow(arn *string, actions ...contract.Action) awsiam.PolicyStatement {
	names := make([]*string, len(actions))
	for i, a := range actions {
		names[i] = new(string(a))
	}
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: &names, Resources: &[]*string{arn},
	})
}

// environment returns the variables of f. Their values are physical names, not
// references: they are fixed, and readable in a review.
func (s *serviceStack) environment(f contract.Function) *map[string]*string {
	env := map[string]*string{}
	for _, name := range f.Env() {
		value, ok := s.values[name]
		if !ok {
			panic(fmt.Sprintf("function %s asks for the variable %s, which has no value", f.Name, name))
		}
		env[name] = value
	}
	if f.Memory <= oneCPU {
		env["GOMAXPROCS"] = new("1")
	}
	return &env
}
