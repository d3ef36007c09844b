package functions_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/listtest"
	"github.com/tipstaff/tipstaff/shared/route/discovery"
)

// What the documents list is what there is. Each test of this file names the line
// that is missing, in a document or in the code.

// TestEveryRouteIsInTheAPI compares the table of routes with the contract: each path,
// and the methods of all paths of a function together.
func TestEveryRouteIsInTheAPI(t *testing.T) {
	const file = "../docs/api.md"
	documented := map[string][]string{} // methods by path
	var paths []string
	for _, row := range listtest.Table(t, file, "# The HTTP API", "route") {
		var methods, pending []string
		for _, word := range listtest.Quoted(row[0]) {
			method, path, _ := strings.Cut(word, " ")
			if strings.HasPrefix(method, "/") { // a path with the methods of the one before
				path = method
			} else {
				pending = append(pending, method)
			}
			if path == "" {
				continue
			}
			if len(pending) > 0 {
				methods, pending = pending, nil
			}
			path, _, _ = strings.Cut(path, "?")
			documented[path] = append(documented[path], methods...)
			paths = append(paths, path)
		}
	}
	var served []string
	for _, f := range contract.Routes {
		served = append(served, f.Paths...)
		var methods []string
		for _, path := range f.Paths {
			methods = append(methods, documented[path]...)
		}
		listtest.Agree(t, "docs/api.md for the paths of "+f.Name, methods, "the contract", f.Methods)
	}
	listtest.Agree(t, "docs/api.md", paths, "the contract", served)
}

// TestEveryErrorIsExplained compares the headings of docs/errors.md, to which answers
// lead, with the codes of package oauth.
func TestEveryErrorIsExplained(t *testing.T) {
	var explained []string
	for _, line := range listtest.Section(t, "../docs/errors.md", "# Errors") {
		if codes, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			explained = append(explained, strings.Split(codes, ", ")...)
		}
	}
	codes := slices.Collect(maps.Values(listtest.Constants(t, "../shared/oauth", "Code")))
	listtest.Agree(t, "docs/errors.md", explained, "the codes of package oauth", codes)
}

// TestEveryVariableIsExplained: what infra sets is what docs/deploy.md lists.
func TestEveryVariableIsExplained(t *testing.T) {
	var told []string
	for _, f := range contract.Functions() {
		told = append(told, f.Env()...)
	}
	rows := listtest.Table(t, "../docs/deploy.md", "## What a stage is made of", "variable")
	listtest.Agree(t, "docs/deploy.md", listtest.Column(rows, 0), "the environments of the functions", told)
	var constants []string
	for name, value := range listtest.Constants(t, "../shared/contract", "") {
		if strings.HasPrefix(name, "contract.Env") {
			constants = append(constants, value)
		}
	}
	for _, r := range slices.Concat(tables(), secrets()) {
		constants = append(constants, r.Env())
	}
	listtest.Agree(t, "the contract", constants, "the environments of the functions", told)
}

func tables() (all []contract.Resource) {
	for _, t := range contract.Tables {
		all = append(all, t.Name)
	}
	return all
}

func secrets() (all []contract.Resource) {
	for _, s := range contract.Secrets {
		all = append(all, s.Name)
	}
	return all
}

// TestEveryFieldOfTheLogIsExplained compares docs/records.md with the log line: the
// table of fields has all that is no metric, and that of the metrics the others.
func TestEveryFieldOfTheLogIsExplained(t *testing.T) {
	const file = "../docs/records.md"
	fields := []string{"time", "_aws"} // around the entry
	for f := range reflect.TypeFor[httpapi.LogEntry]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !slices.ContainsFunc(contract.Metrics, func(m contract.Metric) bool { return m.Name == name }) {
			fields = append(fields, name)
		}
	}
	listtest.Agree(t, "docs/records.md", listtest.Column(listtest.Table(t, file, "## The log", "field"), 0), "the log line", fields)

	rows := listtest.Table(t, file, "## The metrics", "metric")
	var explained, counted []string
	for _, row := range rows {
		explained = append(explained, strings.Join([]string{strings.Trim(row[0], "`"), row[1], row[3]}, " "))
	}
	for _, m := range contract.Metrics {
		told := map[bool]string{false: "always", true: "rarely"}[m.Rare]
		counted = append(counted, strings.Join([]string{m.Name, m.Unit, told}, " "))
	}
	if !slices.Equal(explained, counted) {
		t.Errorf("docs/records.md explains the metrics\n%q, want those of the contract in their order\n%q", explained, counted)
	}
	about := strings.Join(listtest.Section(t, file, "## The metrics"), "")
	for _, name := range []string{contract.MetricNamespace, contract.DimensionStage, contract.DimensionRoute} {
		if !slices.Contains(listtest.Quoted(about), name) {
			t.Errorf("docs/records.md does not say %s, by which the metrics are found", name)
		}
	}
}

// TestEveryActionIsExplained: a row of docs/records.md for each action of the trail,
// wherever it is declared.
func TestEveryActionIsExplained(t *testing.T) {
	rows := listtest.Table(t, "../docs/records.md", "## The trail", "action")
	actions := slices.Collect(maps.Values(listtest.Constants(t, "../shared", "Action", "audit.Action")))
	actions = slices.DeleteFunc(actions, func(a string) bool { return strings.Contains(a, ":") }) // those of AWS
	listtest.Agree(t, "docs/records.md", listtest.Column(rows, 0), "the constants of the type audit.Action", actions)
}

// TestEveryMemberOfTheMetadataIsExplained compares docs/api.md with both documents, as
// a stage that lets clients in serves them.
func TestEveryMemberOfTheMetadataIsExplained(t *testing.T) {
	const file, heading, issuer = "../docs/api.md", "## The metadata", "https://auth.example.com"
	for header, document := range map[string]any{
		"member":            discovery.Metadata(issuer, contract.ClientDocuments{Any: true}, contract.RegistrationOpen),
		"member of the API": discovery.ResourceMetadata(issuer),
	} {
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		explained := listtest.Column(listtest.Table(t, file, heading, header), 0)
		listtest.Agree(t, "docs/api.md", explained, "the document", slices.Collect(maps.Keys(members)))
	}
}
