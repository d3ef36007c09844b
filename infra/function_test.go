package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

func TestFunctions(t *testing.T) {
	for _, s := range Stages {
		if got, want := len(service(s).ofType("AWS::Lambda::Function")), len(contract.Functions()); got != want {
			t.Errorf("%s: got %d functions, want %d", s.Name, got, want)
		}
		for _, f := range contract.Functions() {
			t.Run(s.Name+"/"+f.Name, func(t *testing.T) {
				_, r := service(s).lambda(t, s, f)
				equal(t, "runtime", r.Properties["Runtime"], "provided.al2023")
				equal(t, "architecture", r.Properties["Architectures"], []any{"arm64"})
				equal(t, "handler", r.Properties["Handler"], "bootstrap")
				equal(t, "memory", r.Properties["MemorySize"], float64(f.Memory))
				equal(t, "timeout", r.Properties["Timeout"], f.Timeout.Seconds())
				equal(t, "log format", at(r.Properties, "LoggingConfig", "LogFormat"), "JSON")
				logs, _ := service(s).one(t, "AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/"+contract.FunctionName(s.Name, f))
				equal(t, "log group", text(at(r.Properties, "LoggingConfig", "LogGroup")), "${"+logs+"}")
				for _, absent := range []string{"Layers", "VpcConfig", "ReservedConcurrentExecutions"} {
					equal(t, absent, r.Properties[absent], nil)
				}
			})
		}
	}
}

// A function gets the variables that the contract lists and GOMAXPROCS, with
// these values.
func TestEnvironment(t *testing.T) {
	for _, s := range Stages {
		api := slices.Collect(maps.Keys(service(s).ofType("AWS::ApiGatewayV2::Api")))
		values := map[string]string{
			contract.EnvStage:     s.Name,
			contract.EnvIssuer:    "${" + api[0] + ".ApiEndpoint}",
			contract.EnvCommit:    "unknown",
			contract.EnvAuditDays: strconv.Itoa(s.AuditDays),

			contract.EnvClientDocuments: s.ClientDocuments,
			contract.EnvRegistration:    s.Registration,
			contract.EnvMail:            "off",

			"TIPSTAFF_SESSIONS":  "tipstaff-" + s.Name + "-sessions",
			"TIPSTAFF_REGISTRY":  "tipstaff-" + s.Name + "-registry",
			"TIPSTAFF_AUDIT":     "tipstaff-" + s.Name + "-audit",
			"TIPSTAFF_KEYS":      "tipstaff-" + s.Name + "-keys",
			"TIPSTAFF_UPSTREAMS": "tipstaff-" + s.Name + "-upstreams",
			"TIPSTAFF_DOCUMENTS": "tipstaff-" + s.Name + "-documents",
			"GOMAXPROCS":         "1",
		}
		for _, f := range contract.Functions() {
			_, r := service(s).lambda(t, s, f)
			env, _ := at(r.Properties, "Environment", "Variables").(map[string]any)
			names := append(f.Env(), "GOMAXPROCS")
			slices.Sort(names)
			equal(t, s.Name+"/"+f.Name+": variables", slices.Sorted(maps.Keys(env)), names)
			for name, value := range env {
				equal(t, s.Name+"/"+f.Name+": "+name, text(value), values[name])
			}
		}
	}
}

// The functions can read the policies of a stage for unregistered clients. Prod accepts
// none until its operator changes that.
func TestStrangers(t *testing.T) {
	for _, s := range Stages {
		if _, err := contract.ParseClientDocuments(s.ClientDocuments); err != nil {
			t.Errorf("%s: client documents: %v", s.Name, err)
		}
		if _, err := contract.ParseRegistration(s.Registration); err != nil {
			t.Errorf("%s: registration: %v", s.Name, err)
		}
	}
	equal(t, "prod: client documents", Prod.ClientDocuments, "off")
	equal(t, "prod: registration", Prod.Registration, "off")
}

// A route, and a task with a period, is called through its alias, which points to a
// version. Warm routes have provisioned instances in the stages that pay for them.
func TestAliases(t *testing.T) {
	for _, s := range Stages {
		aliases := service(s).ofType("AWS::Lambda::Alias")
		called := slices.Concat(contract.Routes, scheduled())
		if got, want := len(aliases), len(called); got != want {
			t.Errorf("%s: got %d aliases, want one per route and task with a period, %d", s.Name, got, want)
		}
		for _, f := range called {
			id, _ := service(s).lambda(t, s, f)
			alias := aliasOf(t, s, id)
			equal(t, f.Name+": alias", alias.Properties["Name"], "live")
			version, _, _ := strings.Cut(strings.TrimPrefix(text(alias.Properties["FunctionVersion"]), "${"), ".")
			equal(t, f.Name+": version of", text(service(s).Resources[version].Properties["FunctionName"]), "${"+id+"}")
			var warm any
			if f.Warm && s.Warm > 0 {
				warm = s.Warm
			}
			equal(t, s.Name+"/"+f.Name+": warm instances",
				at(alias.Properties, "ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions"), warm)
		}
	}
}

// aliasOf returns the alias of the function with that logical id.
func aliasOf(t *testing.T, s Stage, lambda string) resource {
	t.Helper()
	for _, alias := range service(s).ofType("AWS::Lambda::Alias") {
		if text(alias.Properties["FunctionName"]) == "${"+lambda+"}" {
			return alias
		}
	}
	t.Fatalf("%s: function %s has no alias", s.Name, lambda)
	return resource{}
}

func TestLogRetention(t *testing.T) {
	days := map[string]float64{contract.Staging.Name: 7, contract.Prod.Name: 30}
	for _, s := range Stages {
		groups := service(s).ofType("AWS::Logs::LogGroup")
		if got, want := len(groups), len(contract.Functions())+1; got != want {
			t.Errorf("%s: got %d log groups, want one per function and one of the API, %d", s.Name, got, want)
		}
		for id, group := range groups {
			equal(t, s.Name+": retention of "+id, group.Properties["RetentionInDays"], days[s.Name])
		}
	}
}

// Secrets Manager calls rotate as soon as the schedule exists, so the first keys exist
// when the deployment ends.
func TestRotationIsImmediate(t *testing.T) {
	for _, s := range Stages {
		lambda, _ := service(s).lambda(t, s, contract.Rotate)
		id, _ := data(s).one(t, "AWS::SecretsManager::Secret", "Name", "tipstaff-"+s.Name+"-keys")
		secret := "${" + id + "} in " + stackName(s, "data")

		// Only the other issuers can make new client secrets, so that secret has no schedule.
		_, schedule := service(s).one(t, "AWS::SecretsManager::RotationSchedule", "RotateImmediatelyOnUpdate", true)
		equal(t, "secret", text(schedule.Properties["SecretId"]), secret)
		equal(t, "function", text(schedule.Properties["RotationLambdaARN"]), "${"+lambda+".Arn}")
		equal(t, "days", at(schedule.Properties, "RotationRules", "AutomaticallyAfterDays"), float64(90))

		permission, r := service(s).one(t, "AWS::Lambda::Permission", "Principal", "secretsmanager.amazonaws.com")
		equal(t, "function", text(r.Properties["FunctionName"]), "${"+lambda+".Arn}")
		equal(t, "source", text(r.Properties["SourceArn"]), secret)
		equal(t, "account", text(r.Properties["SourceAccount"]), "${AWS::AccountId}")
		if !slices.Contains(schedule.DependsOn, permission) {
			t.Errorf("%s: rotation depends on %v, want also the permission %s: the first rotation would be refused", s.Name, schedule.DependsOn, permission)
		}
	}
}
