package main

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// serviceStack is the stack that can be built again: the HTTP API and the functions.
type serviceStack struct {
	stack   awscdk.Stack
	stage   Stage
	data    *dataStack
	release Release
	// values are the values of the environment variables, by name.
	values map[string]*string
}

func newService(app awscdk.App, stage Stage, data *dataStack, release Release) {
	s := &serviceStack{
		stack: awscdk.NewStack(app, new(stackName(stage, "service")), &awscdk.StackProps{
			Description: new(fmt.Sprintf("Tipstaff %s: HTTP API and functions", stage.Name)),
		}),
		stage: stage, data: data, release: release,
	}
	s.stack.AddStackDependency(data.stack, nil)

	api := s.newAPI()
	s.values = s.environmentValues(api)
	for _, f := range contract.Routes {
		api.route(s.addFunction(f))
	}
	for _, f := range contract.Tasks {
		task := s.addFunction(f)
		if f.Name == contract.Rotate.Name {
			s.rotate(contract.Keys, task.Lambda)
		}
		if f.Every > 0 {
			s.schedule(task)
		}
	}
}

// environmentValues returns the values of all variables that functions need.
func (s *serviceStack) environmentValues(api *api) map[string]*string {
	values := map[string]*string{
		contract.EnvStage:     &s.stage.Name,
		contract.EnvIssuer:    api.issuer,
		contract.EnvCommit:    &s.release.Commit,
		contract.EnvAuditDays: new(strconv.Itoa(s.stage.AuditDays)),

		contract.EnvClientDocuments: &s.stage.ClientDocuments,
		contract.EnvRegistration:    &s.stage.Registration,
		contract.EnvMail:            new(s.stage.Mail.policy()),
	}
	for _, t := range contract.Tables {
		values[t.Name.Env()] = new(contract.TableName(s.stage.Name, t))
	}
	for _, secret := range contract.Secrets {
		values[secret.Name.Env()] = new(contract.SecretName(s.stage.Name, secret))
	}
	return values
}

// rotationDays is the interval of rotations. Secrets Manager accepts no rotation without one.
const rotationDays = 90

// rotate lets Secrets Manager call fn for secret: at once, which makes the first keys,
// and then periodically. Only this secret of this account may call it. The schedule
// depends on that permission.
func (s *serviceStack) rotate(secret contract.Resource, fn awslambda.Function) {
	arn := s.data.arns[secret]
	fn.AddPermission(new("Rotation"), &awslambda.Permission{
		Principal:     awsiam.NewServicePrincipal(new("secretsmanager.amazonaws.com"), nil),
		SourceArn:     arn,
		SourceAccount: s.stack.Account(),
	})
	// The construct with the shorter name would add permissions to the role of fn that
	// the contract already lists, and more.
	schedule := awssecretsmanager.NewCfnRotationSchedule(s.stack, new(string(secret)+"Rotation"), &awssecretsmanager.CfnRotationScheduleProps{
		SecretId:                  arn,
		RotationLambdaArn:         fn.FunctionArn(),
		RotateImmediatelyOnUpdate: new(true),
		RotationRules: &awssecretsmanager.CfnRotationSchedule_RotationRulesProperty{
			AutomaticallyAfterDays: new(float64(rotationDays)),
		},
	})
	schedule.Node().AddDependency(fn.Node().FindChild(new("Rotation")))
}

// output shows a value of the stack after a deployment.
func (s *serviceStack) output(id, description string, value *string) {
	awscdk.NewCfnOutput(s.stack, &id, &awscdk.CfnOutputProps{Value: value, Description: &description})
}
