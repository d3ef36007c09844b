package local_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/localtest"
)

// A run that fails does not stop the runs after it.
func TestScheduledFunctionRunsOnceForEachTick(t *testing.T) {
	o := localtest.Options(t)
	ticks := make(chan time.Time)
	var period time.Duration
	var stopped bool
	o.Ticks = func(every time.Duration) (<-chan time.Time, func()) {
		period = every
		return ticks, func() { stopped = true }
	}
	var failed []string
	o.Failed = func(function string, err error) { failed = append(failed, function+": "+err.Error()) }
	s := start(t, o)
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	// A tick is taken when the run of the one before has ended.
	for _, at := range []time.Time{noon, time.Unix(0, 0), noon.Add(time.Minute), noon.Add(2 * time.Minute)} {
		ticks <- at
	}
	s.Close()
	if period != 5*time.Minute || !stopped {
		t.Errorf("the clock of the rule has a period of %v and is stopped: %v, want 5m0s and true", period, stopped)
	}
	if n := s.Invocations("echo"); n < 3 {
		t.Errorf("the function ran %d times, want at least 3 of 4 when the stack was closed", n)
	}
	if len(failed) != 1 || !strings.Contains(failed[0], "echo: ") || !strings.Contains(failed[0], "a schedule of 1970") {
		t.Errorf("failures = %q, want the one of the second tick", failed)
	}
	log, err := os.ReadFile(s.LogFile("echo"))
	if err != nil || !strings.Contains(string(log), "a schedule calls at 2026-11-22 12:00:00\na schedule calls at 2026-11-22 12:01:00\n") {
		t.Errorf("the log of the function is %q, %v, want the times of the first and the third tick", log, err)
	}
}

func TestTriggerRunsOnlyAScheduledFunction(t *testing.T) {
	s := start(t, localtest.Options(t))
	answer, err := s.Trigger(t.Context(), "echo")
	if want := `"aws.events arn:aws:events:us-east-1:000000000000:rule/tipstaff-test-echo"`; err != nil || string(answer) != want {
		t.Errorf("Trigger(echo) = %s, %v, want %s", answer, err, want)
	}
	if answer, err := s.Trigger(t.Context(), "items"); err == nil {
		t.Errorf("Trigger(items) = %s, want an error: no rule runs it", answer)
	}
	if n := s.Invocations("echo"); n != 1 {
		t.Errorf("the function ran %d times, want 1: no period has passed", n)
	}
}

// A function with a schedule that is not known here would never run.
func TestUnknownScheduleIsRefused(t *testing.T) {
	o := localtest.Options(t)
	path := o.Templates + "/tipstaff-test-service.template.json"
	if err := edit(path, "rate(5 minutes)", "cron(0 12 * * ? *)"); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "cron(0 12 * * ? *)") {
		t.Errorf("Start with a cron expression = %v, want an error that names it", err)
	}
}
