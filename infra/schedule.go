package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/jsii-runtime-go"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// schedule lets EventBridge call the live version of f at the interval in the contract.
// The target adds the permission, for this rule only.
//
// A call that could not be delivered is not repeated for hours: the next one follows
// soon and does the same work.
func (s *serviceStack) schedule(f *function) {
	rule := awsevents.NewRule(s.stack, new(f.Name+"Every"), &awsevents.RuleProps{
		RuleName:    new(contract.FunctionName(s.stage.Name, f.Function)),
		Description: new("Runs " + f.Name + ": " + f.Summary),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(f.Every / time.Minute))),
	})
	rule.AddTarget(awseventstargets.NewLambdaFunction(f.Live, &awseventstargets.LambdaFunctionProps{
		MaxEventAge:   awscdk.Duration_Minutes(jsii.Number(1)),
		RetryAttempts: jsii.Number(1),
	}))
}
