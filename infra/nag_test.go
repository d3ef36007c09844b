package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// exceptions are the accepted findings of cdk-nag: the rule, the construct in every
// stage, and the reason.
var exceptions = func() []exception {
	all := []exception{{
		stack: "data", path: "keys/Resource", rule: "AwsSolutions-SMG4",
		reason: "The secret is rotated, by the schedule in the service stack, where cdk-nag does not look for it.",
	}, {
		stack: "data", path: "upstreams/Resource", rule: "AwsSolutions-SMG4",
		reason: "These are our secrets at other issuers, who alone can make new ones; an operator puts them here.",
	}}
	for _, f := range contract.Routes {
		for _, path := range f.Paths {
			all = append(all, exception{
				stack: "service", path: "Api/ANY--" + strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "--") + "/Resource", rule: "AwsSolutions-APIG4",
				reason: "The API is the authorization server: a route that is not public by its standard authenticates its clients itself.",
			})
		}
	}
	return all
}()

type exception struct{ stack, path, rule, reason string }

// cdk-nag's rules for AWS Solutions find exactly the exceptions above.
func TestNag(t *testing.T) {
	dir := t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: &dir,
		// The test reads all findings from the report below. A failing synthesis would panic.
		Context: &map[string]any{"@aws-cdk/core:failSynthOnValidationErrors": false},
	})
	for _, s := range Stages {
		deploy(app, s, Release{Commit: "unknown"})
		for _, e := range exceptions {
			stack := app.Node().FindChild(new(stackName(s, e.stack))).(awscdk.Stack)
			cdknag.NagSuppressions_AddResourceSuppressionsByPath(stack, "/"+stackName(s, e.stack)+"/"+e.path,
				&[]*cdknag.NagPackSuppression{{Id: &e.rule, Reason: &e.reason}}, new(false))
		}
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		Verbose: new(true), ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_CSV},
	}), nil)
	app.Synth(nil)

	suppressed := map[string]bool{}
	for _, s := range Stages {
		for _, part := range []string{"data", "service"} {
			findings := report(t, filepath.Join(dir, "AwsSolutions--"+stackName(s, part)+"-NagReport.csv"))
			if len(findings) == 0 {
				t.Errorf("%s: cdk-nag looked at nothing", stackName(s, part))
			}
			for _, f := range findings {
				switch {
				case f["Compliance"] == "Suppressed":
					suppressed[f["Resource ID"]+" "+f["Rule ID"]] = true
				case f["Compliance"] != "Compliant" && f["Compliance"] != "N/A" && f["Rule Level"] == "Error":
					t.Errorf("%s: %s: %s: %s", f["Resource ID"], f["Rule ID"], f["Compliance"], f["Rule Info"])
				}
			}
		}
		for _, e := range exceptions {
			if !suppressed[stackName(s, e.stack)+"/"+e.path+" "+e.rule] {
				t.Errorf("%s: the exception %s on %s is not needed any more", s.Name, e.rule, e.path)
			}
		}
	}
}

// report reads the findings of a report, each as values by column.
func report(t *testing.T, path string) []map[string]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	var findings []map[string]string
	for _, row := range rows[1:] {
		finding := map[string]string{}
		for i, column := range rows[0] {
			finding[column] = row[i]
		}
		findings = append(findings, finding)
	}
	return findings
}
