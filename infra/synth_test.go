package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// actAsApp makes the test binary behave like bin/infra, for tests in which the CDK CLI
// runs the app.
const actAsApp = "TIPSTAFF_TEST_APP"

// assembly is the folder of the synthesis that the tests share.
var assembly string

func TestMain(m *testing.M) {
	if os.Getenv(actAsApp) != "" {
		main()
		return
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tipstaff-infra-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	assembly = dir
	// The validator has its own make target. It would take most of the time here.
	os.Setenv("CDK_VALIDATION", "false")
	os.Setenv("CDK_CONTEXT_JSON", featureFlags())
	startKernel("..")
	defer stopKernel()
	return m.Run()
}

// featureFlags returns the context of cdk.json, which the CLI would pass.
func featureFlags() string {
	raw, err := os.ReadFile("../cdk.json")
	if err != nil {
		panic(err)
	}
	var config struct{ Context json.RawMessage }
	if err := json.Unmarshal(raw, &config); err != nil {
		panic(fmt.Errorf("read cdk.json: %w", err))
	}
	return string(config.Context)
}

// synthInto synthesizes stages into the folder dir.
func synthInto(dir string, release Release, stages ...Stage) map[string]template {
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &dir})
	for _, s := range stages {
		deploy(app, s, release)
	}
	app.Synth(nil)
	return readTemplates(dir)
}

// synthesized are the templates of both stages, by stack name.
var synthesized = sync.OnceValue(func() map[string]template {
	return synthInto(assembly, Release{Commit: "unknown"}, Stages...)
})

// template is a CloudFormation template.
type template struct {
	text      []byte
	Resources map[string]resource
	Outputs   map[string]struct {
		Value  any
		Export any
	}
}

// resource is a resource of a template.
type resource struct {
	Type                string
	Properties          map[string]any
	DependsOn           []string
	DeletionPolicy      string
	UpdateReplacePolicy string
}

func readTemplates(dir string) map[string]template {
	paths, err := filepath.Glob(filepath.Join(dir, "*.template.json"))
	if err != nil {
		panic(err)
	}
	all := map[string]template{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		t := template{text: text}
		if err := json.Unmarshal(text, &t); err != nil {
			panic(fmt.Errorf("read %s: %w", path, err))
		}
		all[strings.TrimSuffix(filepath.Base(path), ".template.json")] = t
	}
	return all
}

// data and service return the templates of a stage.
func data(s Stage) template    { return synthesized()[stackName(s, "data")] }
func service(s Stage) template { return synthesized()[stackName(s, "service")] }

// ofType returns the resources of a type, by logical id.
func (t template) ofType(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// one returns the only resource of a type with a given value of a property.
func (t template) one(tb testing.TB, kind, property string, value any) (string, resource) {
	tb.Helper()
	var ids []string
	for id, r := range t.ofType(kind) {
		if r.Properties[property] == value {
			ids = append(ids, id)
		}
	}
	if len(ids) != 1 {
		tb.Fatalf("%s with %s = %v: got %d resources %v, want 1", kind, property, value, len(ids), ids)
	}
	return ids[0], t.Resources[ids[0]]
}

// lambda returns the Lambda function of f.
func (t template) lambda(tb testing.TB, s Stage, f contract.Function) (string, resource) {
	tb.Helper()
	return t.one(tb, "AWS::Lambda::Function", "FunctionName", contract.FunctionName(s.Name, f))
}

// at walks into v: by name in an object, by index in a list. It returns nil for a
// missing element.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// list returns v as a list: CDK writes a list of one as its element.
func list(v any) []any {
	if many, ok := v.([]any); ok {
		return many
	}
	return []any{v}
}

// text returns a value with intrinsic functions as one string. ${Resource} and
// ${Resource.Attribute} stand for references. A reference to another stack is resolved:
// "${Resource} in stack".
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return "${" + ref + "}"
		}
		if path, ok := v["Fn::GetAtt"].([]any); ok {
			return fmt.Sprintf("${%v.%v}", path[0], path[1])
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var parts []string
			for _, p := range join[1].([]any) {
				parts = append(parts, text(p))
			}
			return strings.Join(parts, join[0].(string))
		}
		if output, ok := v["Fn::GetStackOutput"].(map[string]any); ok {
			from := synthesized()[output["StackName"].(string)]
			value := text(from.Outputs[output["OutputName"].(string)].Value)
			return fmt.Sprintf("%v in %v", value, output["StackName"])
		}
	}
	return fmt.Sprintf("%v", v)
}
