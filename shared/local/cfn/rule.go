package cfn

import (
	"regexp"
	"strconv"
	"time"
)

// Rule is an AWS::Events::Rule that calls a function periodically, with an event
// that EventBridge makes.
type Rule struct {
	ARN string
	// Every is the time between two calls.
	Every time.Duration
	// Function is the name of the function.
	Function string
}

// readRule knows no other event than the one that EventBridge makes, and no
// other cause than the schedule: EventPattern and Input are unknown.
func (s *Stage) readRule(o *object) Rule {
	o.ignore("Description")
	o.only("State", "ENABLED")
	rule := Rule{ARN: o.r.place.RuleARN(o.text("Name"))}
	expression := o.text("ScheduleExpression")
	every, ok := parseRate(expression)
	if !ok {
		o.r.unknown(o.at.field("ScheduleExpression"), strconv.Quote(expression))
	}
	rule.Every = every
	target := o.one("Targets")
	target.ignore("Id", "RetryPolicy")
	rule.Function = s.function(target, "Arn")
	return rule
}

var rate = regexp.MustCompile(`^rate\(([1-9][0-9]{0,5}) (minute|hour|day)(s?)\)$`)

// parseRate reads a rate expression such as rate(5 minutes). EventBridge wants
// the plural for every number but 1.
func parseRate(expression string) (every time.Duration, ok bool) {
	m := rate.FindStringSubmatch(expression)
	if m == nil || (m[1] == "1") != (m[3] == "") {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
	return time.Duration(n) * unit, err == nil
}
