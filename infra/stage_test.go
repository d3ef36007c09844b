package main

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// TestStagesAreThoseOfTheContract: the functions, the CLI and the local stack know
// the stages that are deployed, in the same order, and no others.
func TestStagesAreThoseOfTheContract(t *testing.T) {
	var deployed []contract.Stage
	for _, s := range Stages {
		deployed = append(deployed, s.Stage)
	}
	if !slices.Equal(deployed, contract.Stages) {
		t.Errorf("infra.Stages = %v, want contract.Stages = %v", deployed, contract.Stages)
	}
	for _, s := range contract.Stages {
		if found, ok := contract.FindStage(s.Name); !ok || found != s {
			t.Errorf("FindStage(%q) = %v, %t, want %v", s.Name, found, ok, s)
		}
	}
	if s, ok := contract.FindStage("qa"); ok {
		t.Errorf(`FindStage("qa") = %v, want none`, s)
	}
}

// TestEveryStageValueIsExplained: the table of docs/deploy.md has a column for each
// stage and a row for each value that a stage is made of, with what it is.
func TestEveryStageValueIsExplained(t *testing.T) {
	text, err := os.ReadFile("../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## What a stage is made of\n")
	section, _, _ = strings.Cut(section, "\n## ")
	section, _, _ = strings.Cut(section, "\n| variable | ") // the environment has a table of its own
	if header := "| value | " + strings.Join(contract.StageNames(), " | ") + " | costs |\n"; !strings.Contains(section, header) {
		t.Errorf("docs/deploy.md lacks the header %q", header)
	}
	rows := map[string]string{}
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		names, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		for name := range strings.SplitSeq(names, ", ") {
			rows[strings.Trim(name, "`")] = line
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Stage]()) {
		row, ok := rows[f.Name]
		delete(rows, f.Name)
		if f.Anonymous || f.Name == "Name" {
			continue
		}
		if !ok {
			t.Errorf("docs/deploy.md explains no stage value %s", f.Name)
			continue
		}
		for _, s := range Stages {
			if want := written(reflect.ValueOf(s).FieldByIndex(f.Index)); !regexp.MustCompile(`\b` + regexp.QuoteMeta(want) + `\b`).MatchString(row) {
				t.Errorf("docs/deploy.md: %s of %s is %s, which is not in %q", f.Name, s.Name, want, row)
			}
		}
	}
	for name := range rows {
		t.Errorf("docs/deploy.md explains %s, which no stage has", name)
	}
}

// written is a value as docs/deploy.md writes it.
func written(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return map[bool]string{true: "yes", false: "no"}[v.Bool()]
	case reflect.Pointer:
		if v.IsNil() {
			return "none"
		}
		return fmt.Sprint(v.Interface())
	case reflect.Float64:
		if n := int(v.Float()); n >= 1000 {
			return fmt.Sprintf("%d,%03d", n/1000, n%1000)
		}
	case reflect.String: // of CDK: a number of days in words
		if days, ok := map[string]string{"ONE_WEEK": "7 days", "ONE_MONTH": "30 days"}[v.String()]; ok {
			return days
		}
	}
	return fmt.Sprint(v.Interface())
}
