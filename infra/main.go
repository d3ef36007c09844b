// Command infra is the AWS deployment of Tipstaff, as a CDK app.
//
// # Stacks
//
// Each stage is two stacks. The data stack holds what must never be lost: tables and
// secrets. The service stack holds what can be built again from this repository: the
// HTTP API and one Lambda function per route. Package contract alone describes their
// content. This module turns it into CloudFormation and adds the values of a [Stage]
// for cost and protection.
//
// # Running
//
// The CDK CLI runs this program (cdk.json) and passes it the feature flags. With the
// context value review=true the templates do not contain the code of the functions.
// These templates are committed under testdata/snapshots. Reviewers read them, and the
// local stack runs them.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

func main() {
	startKernel(".")
	err := synth()
	if err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
	}
	stopKernel()
	if err != nil {
		os.Exit(1)
	}
}

func synth() error {
	app := awscdk.NewApp(nil)
	release, err := readRelease(app, "bin/arm64")
	if err != nil {
		return err
	}
	for _, stage := range Stages {
		deploy(app, stage, release)
	}
	app.Synth(nil)
	return nil
}

// deploy adds one stage to app. The service refers to the data weakly: either stack can
// be updated without the other. So the data stack needs its own protection.
func deploy(app awscdk.App, stage Stage, release Release) {
	data := newData(app, stage)
	newService(app, stage, data, release)
}
