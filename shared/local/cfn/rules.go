package cfn

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// rules reads the rules that call a function again and again. One that waits
// for events of others, or sends something else than its own event, does not
// run locally and is an error rather than silence.
func (r *reader) rules(s *Stage) error {
	return r.each(func(res *resource) error {
		p := r.properties(res)
		if p.text("State", "ENABLED") == "DISABLED" {
			return p.err
		}
		if _, ok := p.value("EventPattern"); ok {
			p.fail("EventPattern", errors.New("it does not run locally, only ScheduleExpression does"))
		}
		rule := Rule{Name: p.name()}
		rule.ARN = r.place.RuleARN(rule.Name)
		every, err := parseRate(p.required("ScheduleExpression"))
		if err != nil {
			p.fail("ScheduleExpression", err)
		}
		rule.Every = every
		var targets []map[string]any
		p.into("Targets", &targets)
		if p.err == nil && len(targets) == 0 {
			p.fail("Targets", errors.New("it is missing"))
		}
		for _, target := range targets {
			if rule.Function, rule.Qualifier, err = s.ruleTarget(target); err != nil {
				p.fail("Targets", err)
			}
			s.Rules = append(s.Rules, rule)
		}
		return p.err
	}, typeRule)
}

func (s *Stage) ruleTarget(target map[string]any) (function, qualifier string, err error) {
	for _, other := range []string{"Input", "InputPath", "InputTransformer"} {
		if _, ok := target[other]; ok {
			return "", "", fmt.Errorf("%s does not run locally", other)
		}
	}
	arn, _ := target["Arn"].(string)
	return s.target(arn)
}

var rate = regexp.MustCompile(`^rate\(([1-9][0-9]{0,5}) (minute|hour|day)(s?)\)$`)

// parseRate reads a rate expression; EventBridge wants the plural for all but
// one.
func parseRate(expression string) (time.Duration, error) {
	m := rate.FindStringSubmatch(expression)
	if m == nil || (m[1] == "1") != (m[3] == "") {
		return 0, fmt.Errorf("%q is no rate such as rate(5 minutes)", expression)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, err
	}
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
	return time.Duration(n) * unit, nil
}
