package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// scheduled returns the tasks with a period.
func scheduled() []contract.Function {
	return slices.DeleteFunc(slices.Clone(contract.Tasks), func(f contract.Function) bool { return f.Every == 0 })
}

// EventBridge calls the live version of each task with a period, at the interval in the
// contract. It calls no other function.
func TestSchedules(t *testing.T) {
	for _, s := range Stages {
		if got, want := len(service(s).ofType("AWS::Events::Rule")), len(scheduled()); got != want {
			t.Errorf("%s: got %d rules, want one per task with a period, %d", s.Name, got, want)
		}
		// Each rule may call the function that it is for.
		callers := map[string]resource{}
		for _, p := range service(s).ofType("AWS::Lambda::Permission") {
			if p.Properties["Principal"] == "events.amazonaws.com" {
				callers[text(p.Properties["SourceArn"])] = p
			}
		}
		equal(t, s.Name+": permissions of rules", len(callers), len(scheduled()))
		for _, f := range scheduled() {
			name := contract.FunctionName(s.Name, f)
			id, rule := service(s).one(t, "AWS::Events::Rule", "Name", name)
			unit := "minutes"
			if f.Every == time.Minute {
				unit = "minute"
			}
			equal(t, name+": schedule", rule.Properties["ScheduleExpression"], fmt.Sprintf("rate(%d %s)", f.Every/time.Minute, unit))
			equal(t, name+": state", rule.Properties["State"], "ENABLED")
			equal(t, name+": number of targets", len(list(rule.Properties["Targets"])), 1)
			target := at(rule.Properties, "Targets", 0)
			for _, absent := range []string{"RoleArn", "Input", "InputPath", "InputTransformer"} {
				equal(t, name+": "+absent, at(target, absent), nil)
			}
			alias := strings.Trim(text(at(target, "Arn")), "${}")
			lambda, _ := service(s).lambda(t, s, f)
			equal(t, name+": target", service(s).Resources[alias].Properties["Name"], "live")
			equal(t, name+": function", text(service(s).Resources[alias].Properties["FunctionName"]), "${"+lambda+"}")

			permission := callers["${"+id+".Arn}"]
			equal(t, name+": action", permission.Properties["Action"], "lambda:InvokeFunction")
			equal(t, name+": permission on", text(permission.Properties["FunctionName"]), "${"+alias+"}")
		}
	}
}

// The period of each task can be written as a rate expression.
func TestPeriods(t *testing.T) {
	for _, f := range contract.Functions() {
		if f.Every%time.Minute != 0 || f.Every != 0 && !f.IsTask() {
			t.Errorf("%s runs every %v, want whole minutes, and for tasks only", f.Name, f.Every)
		}
		if f.Every != 0 && f.Timeout > f.Every {
			t.Errorf("%s may take %v of its %v: runs would pile up", f.Name, f.Timeout, f.Every)
		}
	}
}
