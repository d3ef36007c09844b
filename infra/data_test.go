package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

func TestTables(t *testing.T) {
	for _, s := range Stages {
		if got, want := len(data(s).ofType("AWS::DynamoDB::GlobalTable")), len(contract.Tables); got != want {
			t.Errorf("%s: got %d tables, want %d", s.Name, got, want)
		}
		for _, table := range contract.Tables {
			t.Run(s.Name+"/"+string(table.Name), func(t *testing.T) {
				_, r := data(s).one(t, "AWS::DynamoDB::GlobalTable", "TableName", contract.TableName(s.Name, table))
				equal(t, "key", at(r.Properties, "KeySchema"), keySchema(table.PartitionKey, table.SortKey))
				equal(t, "billing", at(r.Properties, "BillingMode"), "PAY_PER_REQUEST")
				equal(t, "encryption", at(r.Properties, "SSESpecification", "SSEEnabled"), true)
				equal(t, "fuse of writes", at(r.Properties, "WriteOnDemandThroughputSettings", "MaxWriteRequestUnits"), s.MaxWrites)

				replicas := list(at(r.Properties, "Replicas"))
				equal(t, "replicas", len(replicas), 1)
				here := replicas[0]
				equal(t, "fuse of reads", at(here, "ReadOnDemandThroughputSettings", "MaxReadRequestUnits"), s.MaxReads)
				equal(t, "deletion protection", at(here, "DeletionProtectionEnabled"), s.DeletionProtection)
				equal(t, "point-in-time recovery", at(here, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"), s.PointInTimeRecovery)
				equal(t, "on deletion of the stack", r.DeletionPolicy, "RetainExceptOnCreate")
				equal(t, "on replacement", r.UpdateReplacePolicy, "Retain")

				var ttl, indexes any
				if table.TTL != "" {
					ttl = map[string]any{"AttributeName": table.TTL, "Enabled": true}
				}
				equal(t, "TTL", at(r.Properties, "TimeToLiveSpecification"), ttl)
				if len(table.Indexes) > 0 {
					all := []any{}
					for _, i := range table.Indexes {
						all = append(all, map[string]any{
							"IndexName": i.Name, "KeySchema": keySchema(i.PartitionKey, i.SortKey),
							"Projection": map[string]any{"ProjectionType": "ALL"},
						})
					}
					indexes = all
				}
				equal(t, "indexes", at(r.Properties, "GlobalSecondaryIndexes"), indexes)
			})
		}
	}
}

func keySchema(partition, sort string) []any {
	return []any{
		map[string]any{"AttributeName": partition, "KeyType": "HASH"},
		map[string]any{"AttributeName": sort, "KeyType": "RANGE"},
	}
}

// equal reports each difference by its name.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestProdIsCautious(t *testing.T) {
	for _, guard := range []struct {
		name string
		on   bool
	}{
		{"point-in-time recovery", Prod.PointInTimeRecovery},
		{"deletion protection", Prod.DeletionProtection},
		{"warm instances", Prod.Warm > 0},
	} {
		if !guard.on {
			t.Errorf("prod: %s is off, want on", guard.name)
		}
	}
}

// The rotation makes the first keys, and an operator enters the secrets at upstreams. A
// template holds no key and no value that a key could be derived from.
func TestSecretsAreGenerated(t *testing.T) {
	values := map[contract.Resource]string{
		contract.Keys: `{"format":"tipstaff-keys/0"}`, contract.Upstreams: `{"format":"tipstaff-upstreams/1"}`,
	}
	for _, s := range Stages {
		if got := len(data(s).ofType("AWS::SecretsManager::Secret")); got != len(values) {
			t.Errorf("%s: got %d secrets, want %d", s.Name, got, len(values))
		}
		for _, secret := range contract.Secrets {
			_, r := data(s).one(t, "AWS::SecretsManager::Secret", "Name", contract.SecretName(s.Name, secret))
			equal(t, "value", r.Properties["SecretString"], nil)
			equal(t, "generator", r.Properties["GenerateSecretString"], map[string]any{
				"GenerateStringKey": "seed", "SecretStringTemplate": values[secret.Name],
			})
			equal(t, "on deletion of the stack", r.DeletionPolicy, "RetainExceptOnCreate")
			equal(t, "on replacement", r.UpdateReplacePolicy, "Retain")
		}
	}
}

func TestNoSecretInTemplates(t *testing.T) {
	forbidden := regexp.MustCompile(`-----BEGIN|AKIA[0-9A-Z]{16}|\bts[a-z]_[A-Za-z0-9_-]{20}|"(d|k|p|q)" *: *"[A-Za-z0-9_-]{20,}"|resolve:(secretsmanager|ssm)`)
	for stack, template := range synthesized() {
		if found := forbidden.Find(template.text); found != nil {
			t.Errorf("%s contains %q, which looks like a secret", stack, found)
		}
	}
}

// References between the stacks are weak, so CloudFormation would delete the data stack
// while the service uses it. Only its termination protection prevents that.
func TestDataStacksAreProtected(t *testing.T) {
	synthesized()
	raw, err := os.ReadFile(filepath.Join(assembly, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Artifacts map[string]struct {
			Properties struct{ TerminationProtection bool }
		}
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	for _, s := range Stages {
		equal(t, "termination protection of "+stackName(s, "data"), manifest.Artifacts[stackName(s, "data")].Properties.TerminationProtection, true)
		for name, output := range data(s).Outputs {
			equal(t, s.Name+": export of "+name, output.Export, nil)
		}
	}
}

func TestTableNamesAreOutputs(t *testing.T) {
	for _, s := range Stages {
		for _, table := range contract.Tables {
			id, _ := data(s).one(t, "AWS::DynamoDB::GlobalTable", "TableName", contract.TableName(s.Name, table))
			equal(t, s.Name+": output of "+string(table.Name), text(data(s).Outputs[string(table.Name)+"Table"].Value), "${"+id+"}")
		}
	}
}
