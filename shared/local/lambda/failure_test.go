package lambda_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/child"
	"github.com/tipstaff/tipstaff/shared/local/lambda"
)

func failure(t *testing.T, err error, kind string) *lambda.Error {
	t.Helper()
	e, ok := errors.AsType[*lambda.Error](err)
	if !ok || e.Type != kind || e.Function != "tipstaff-test-echo" {
		t.Fatalf("Invoke = %v, want a *lambda.Error of type %s that names the function", err, kind)
	}
	return e
}

func TestCrashFailsOneEvent(t *testing.T) {
	f := function(t, nil)
	err := invoke(t, f, order{Do: "exit", Say: "bad luck"}, nil)
	e := failure(t, err, lambda.TypeExit)
	if !strings.Contains(e.Error(), "exit status 3") || !strings.Contains(e.Error(), "about to fail: bad luck") {
		t.Errorf("the error %q lacks the status or the last line", e)
	}
	var said string
	if err := invoke(t, f, order{Say: "fresh"}, &said); err != nil || said != "fresh" {
		t.Errorf("after a crash Invoke = %q, %v, want a fresh process's answer", said, err)
	}
}

func TestDeathWhileIdleFailsNoEvent(t *testing.T) {
	f := function(t, nil)
	for range 5 {
		var said string
		if err := invoke(t, f, order{Do: "answer and exit"}, &said); err != nil || said != "last" {
			t.Fatalf("Invoke = %q, %v, want the answer that came before the end", said, err)
		}
	}
}

func TestTimeout(t *testing.T) {
	f := function(t, func(c *lambda.Config) { c.Timeout = 150 * time.Millisecond })
	var pid int
	if err := invoke(t, f, order{Do: "pid"}, &pid); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err := invoke(t, f, order{Sleep: time.Minute}, nil)
	failure(t, err, lambda.TypeTimeout)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "0.15 seconds") {
		t.Errorf("the error is %q, want a DeadlineExceeded after 0.15 seconds", err)
	}
	if took := time.Since(began); took < 150*time.Millisecond || took > time.Second {
		t.Errorf("the timeout came after %v, want 150 ms", took)
	}
	if child.Alive(pid) {
		t.Errorf("process %d outlived its deadline", pid)
	}
	var fresh int
	if err := invoke(t, f, order{Do: "pid"}, &fresh); err != nil || fresh == pid {
		t.Errorf("after a timeout process %d answered %v, want a fresh one", fresh, err)
	}
}

// A process that a tool slows down has more time, by the factor it was given.
func TestPatienceMultipliesTheTimeout(t *testing.T) {
	f := function(t, func(c *lambda.Config) { c.Timeout, c.Patience = 50*time.Millisecond, 100 })
	var said string
	if err := invoke(t, f, order{Sleep: 200 * time.Millisecond, Say: "late"}, &said); err != nil || said != "late" {
		t.Errorf("Invoke = %q, %v, want the answer after four times the timeout", said, err)
	}
}

func TestReportedErrors(t *testing.T) {
	tests := []struct{ do, kind, message string }{
		{"error", "My.Kind", "my message"},
		{"garbled error", "Runtime.Unknown", "words"},
		{"large", lambda.TypeSize, "6291556 bytes"},
	}
	f := function(t, nil)
	for _, tt := range tests {
		t.Run(tt.do, func(t *testing.T) {
			e := failure(t, invoke(t, f, order{Do: tt.do}, nil), tt.kind)
			if !strings.Contains(e.Message, tt.message) {
				t.Errorf("message = %q, want %q in it", e.Message, tt.message)
			}
		})
	}
	if got := len(f.PIDs()); got != 1 {
		t.Errorf("%d processes run, want the first one still", got)
	}
}

func TestOnlyTheEventAtWorkCanBeAnswered(t *testing.T) {
	var log bytes.Buffer
	f := function(t, func(c *lambda.Config) { c.Log = &log })
	var said string
	if err := invoke(t, f, order{Do: "ids"}, &said); err != nil || said != "ids" {
		t.Fatalf("Invoke = %q, %v", said, err)
	}
	// The next answer shows that the process was done with all of that.
	if err := invoke(t, f, order{Say: "next"}, &said); err != nil || said != "next" {
		t.Fatalf("Invoke = %q, %v", said, err)
	}
	f.Close(t.Context())
	if got, want := log.String(), "statuses 400 202 400\n"; got != want {
		t.Errorf("wrong id, right id, second answer: %q, want %q", got, want)
	}
}

func TestInitFailures(t *testing.T) {
	tests := []struct {
		name   string
		change func(*lambda.Config)
		want   []string
	}{
		{"exit", func(c *lambda.Config) { c.Env = map[string]string{initMode: "exit"} }, []string{"exit status 9", "no configuration"}},
		{"report", func(c *lambda.Config) { c.Env = map[string]string{initMode: "report"} }, []string{"Config.Missing: no TIPSTAFF_STAGE"}},
		{"missing", func(c *lambda.Config) { c.Binary = "/no/such/bootstrap" }, []string{"/no/such/bootstrap"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := function(t, tt.change)
			for range 2 { // The slot must be free again.
				e := failure(t, invoke(t, f, order{}, nil), lambda.TypeInit)
				for _, want := range tt.want {
					if !strings.Contains(e.Error(), want) {
						t.Errorf("the error %q lacks %q", e, want)
					}
				}
			}
			if pids := f.PIDs(); len(pids) != 0 {
				t.Errorf("processes %v are left", pids)
			}
		})
	}
}
