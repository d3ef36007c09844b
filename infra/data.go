package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// dataStack is the stack of the data that must never be lost. The stack cannot be
// deleted, and its tables and secrets outlive it.
//
// The construct ids are the names of the contract. They must never change: a changed id
// creates a new, empty table.
type dataStack struct {
	stack awscdk.Stack
	// arns are the ARNs of the tables and secrets, by name.
	arns map[contract.Resource]*string
}

// keep retains a resource after the deletion of its stack and after its replacement.
// Only the very first creation may be undone: a failed first deployment must not leave
// a table with a name that blocks the second.
const keep = awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE

func newData(app awscdk.App, stage Stage) *dataStack {
	d := &dataStack{
		stack: awscdk.NewStack(app, new(stackName(stage, "data")), &awscdk.StackProps{
			Description:           new(fmt.Sprintf("Tipstaff %s: tables and secrets", stage.Name)),
			TerminationProtection: new(true),
		}),
		arns: map[contract.Resource]*string{},
	}
	for _, t := range contract.Tables {
		d.addTable(stage, t)
	}
	for _, s := range contract.Secrets {
		d.addSecret(stage, s)
	}
	return d
}

// addTable uses the resource type of global tables, also for one region. A table of the
// older type could not get a replica later without a migration.
func (d *dataStack) addTable(stage Stage, t contract.Table) {
	props := &awsdynamodb.TablePropsV2{
		TableName:    new(contract.TableName(stage.Name, t)),
		PartitionKey: key(t.PartitionKey),
		SortKey:      key(t.SortKey),
		Billing: awsdynamodb.Billing_OnDemand(&awsdynamodb.MaxThroughputProps{
			MaxReadRequestUnits:  &stage.MaxReads,
			MaxWriteRequestUnits: &stage.MaxWrites,
		}),
		Encryption:         awsdynamodb.TableEncryptionV2_AwsManagedKey(),
		DeletionProtection: &stage.DeletionProtection,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: &stage.PointInTimeRecovery,
		},
		RemovalPolicy: keep,
	}
	if t.TTL != "" {
		props.TimeToLiveAttribute = &t.TTL
	}
	table := awsdynamodb.NewTableV2(d.stack, new(string(t.Name)), props)
	for _, i := range t.Indexes {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexPropsV2{
			IndexName:    new(i.Name),
			PartitionKey: key(i.PartitionKey),
			SortKey:      key(i.SortKey),
		})
	}
	d.arns[t.Name] = table.TableArn()
	awscdk.NewCfnOutput(d.stack, new(string(t.Name)+"Table"), &awscdk.CfnOutputProps{
		Value: table.TableName(), Description: new("Table of " + t.Summary),
	})
}

// addSecret generates only a seed, so that no template holds a secret. The rotation
// that the service stack starts makes the keys. The format name shows that rotation
// that there are none yet. An operator enters the client secrets at upstreams.
func (d *dataStack) addSecret(stage Stage, s contract.Secret) {
	secret := awssecretsmanager.NewSecret(d.stack, new(string(s.Name)), &awssecretsmanager.SecretProps{
		SecretName:  new(contract.SecretName(stage.Name, s)),
		Description: new(s.Summary),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			SecretStringTemplate: new(fmt.Sprintf(`{"format":%q}`, s.Format)),
			GenerateStringKey:    new("seed"),
		},
		RemovalPolicy: keep,
	})
	d.arns[s.Name] = secret.SecretArn()
}

func key(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
}

// stackName returns the name of a stack, such as "tipstaff-staging-data".
func stackName(stage Stage, part string) string {
	return fmt.Sprintf("tipstaff-%s-%s", stage.Name, part)
}
