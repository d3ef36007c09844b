package apigw_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/local/lambda"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// As a function of one of these names, the test binary is a bootstrap: what
// stands in these tests happens in real processes, behind a Runtime API.
const (
	taskName   = "a-task"
	routeName  = "a-route"
	brokenName = "a-function-that-cannot-start"
)

func TestMain(m *testing.M) {
	switch lambdacontext.FunctionName {
	case taskName:
		apigw.Run(contract.Function{Name: taskName}, func(*wire.Env) (apigw.Task, error) { return work, nil })
	case brokenName:
		apigw.Run(contract.Function{Name: brokenName}, func(*wire.Env) (apigw.Task, error) { return nil, errors.New("no secret") })
	case routeName:
		f := contract.Health
		apigw.Serve(f, func(e *wire.Env) (http.Handler, error) {
			return e.Route(handler(func(w http.ResponseWriter, _ *http.Request) { httpapi.Answer(w, 200, struct{}{}) })), nil
		})
	}
	os.Exit(m.Run())
}

type handler http.HandlerFunc

func (h handler) Serve(w http.ResponseWriter, r *http.Request) error {
	h(w, r)
	return nil
}

// started ends the name of a file which says that an event is at work.
const started = ".started"

// order is an event of the task.
type order struct{ Do, Say string }

// work does as it is told.
func work(ctx context.Context, event []byte) ([]byte, error) {
	var o order
	if err := json.Unmarshal(event, &o); err != nil {
		return nil, err
	}
	switch o.Do {
	case "panic":
		panic("the books do not balance")
	case "fail":
		return nil, fmt.Errorf("count: %w", errors.New(o.Say))
	case "wait": // until the file is there
		if err := os.WriteFile(o.Say+started, nil, 0o600); err != nil {
			return nil, err
		}
		for _, err := os.Stat(o.Say); err != nil; _, err = os.Stat(o.Say) {
			time.Sleep(time.Millisecond)
		}
	case "deadline":
		at, ok := ctx.Deadline()
		return json.Marshal(ok && time.Until(at) > time.Second && time.Until(at) <= 5*time.Second)
	}
	return json.Marshal(o.Say)
}

// function returns this test binary as a function of that name, and its log, which
// is complete once the function is closed.
func function(t *testing.T, name string) (*lambda.Function, *log) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &log{}
	f := lambda.New(lambda.Config{
		Name: name, ARN: "arn:" + name, Binary: self, Handler: "bootstrap", Region: "eu-central-1", Memory: 256,
		Timeout: 5 * time.Second, Log: l,
		Env: map[string]string{
			contract.EnvStage: "test", contract.EnvIssuer: "https://auth.example.com", contract.EnvCommit: "0123456",
		},
	})
	t.Cleanup(func() { f.Close(context.Background()) })
	return f, l
}

func invokeTask(t *testing.T, f *lambda.Function, o order) (string, error) {
	t.Helper()
	event, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := f.Invoke(t.Context(), event)
	return string(answer), err
}

type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestTaskTakesOneEventAfterTheOther(t *testing.T) {
	f, _ := function(t, taskName)
	for _, say := range []string{"first", strings.Repeat("a long event ", 10_000), "last"} {
		if got, err := invokeTask(t, f, order{Say: say}); err != nil || got != `"`+say+`"` {
			t.Errorf("Invoke(%.20s) = %.40s, %v", say, got, err)
		}
	}
	if got, err := invokeTask(t, f, order{Do: "deadline"}); err != nil || got != "true" {
		t.Errorf("the context ends within the timeout: %s, %v, want true", got, err)
	}
	if pids := f.PIDs(); len(pids) != 1 {
		t.Errorf("processes = %v, want one for all events", pids)
	}
}

// A failed event says why, to the caller and in one line of JSON on the log. The
// process goes on.
func TestFailureOfATaskIsReported(t *testing.T) {
	f, l := function(t, taskName)
	_, err := invokeTask(t, f, order{Do: "fail", Say: "3 are missing"})
	failure, ok := errors.AsType[*lambda.Error](err)
	if !ok || failure.Message != "count: 3 are missing" {
		t.Fatalf("Invoke = %v, want the failure of the task", err)
	}
	if got, err := invokeTask(t, f, order{Say: "next"}); err != nil || got != `"next"` || len(f.PIDs()) != 1 {
		t.Errorf("after a failure Invoke = %s, %v in %v, want an answer of the same process", got, err, f.PIDs())
	}
	f.Close(t.Context())
	var line struct{ ErrorMessage, ErrorType string }
	if err := json.Unmarshal([]byte(l.String()), &line); err != nil || line.ErrorMessage != "count: 3 are missing" || line.ErrorType == "" {
		t.Errorf("log = %q, %v, want one JSON line with the failure", l, err)
	}
}

// A task that panics fails its event with the reason and the place, and the next
// event gets a fresh process.
func TestPanicOfATaskIsReported(t *testing.T) {
	f, l := function(t, taskName)
	_, err := invokeTask(t, f, order{Do: "panic"})
	failure, ok := errors.AsType[*lambda.Error](err)
	if !ok || failure.Message != "the books do not balance" || failure.Type != "string" {
		t.Fatalf("Invoke = %v, want the panic as an error of the function", err)
	}
	if got, err := invokeTask(t, f, order{Say: "fresh"}); err != nil || got != `"fresh"` {
		t.Errorf("after a panic Invoke = %s, %v, want a fresh process's answer", got, err)
	}
	f.Close(t.Context())
	if text := l.String(); !strings.Contains(text, "the books do not balance") || !strings.Contains(text, `"stackTrace":[{"path":`) || !strings.Contains(text, `"label":"work"`) {
		t.Errorf("log = %q, want the panic and where it was", text)
	}
}

// A start that fails ends the process, with the reason on the log, before it asks
// for an event.
func TestFailedStartIsAnInitError(t *testing.T) {
	f, l := function(t, brokenName)
	_, err := f.Invoke(t.Context(), []byte(`{}`))
	failure, ok := errors.AsType[*lambda.Error](err)
	if !ok || failure.Type != lambda.TypeInit || !strings.Contains(failure.Error(), brokenName+": no secret") {
		t.Errorf("Invoke = %v, want an init error with the reason", err)
	}
	if l.String() != brokenName+": no secret\n" {
		t.Errorf("log = %q, want the reason", l)
	}
}

// Lambda says with SIGTERM that a process will end, where an extension is
// registered. An event that is at work meanwhile is answered.
func TestSIGTERMIsHarmless(t *testing.T) {
	f, l := function(t, taskName)
	if _, err := invokeTask(t, f, order{}); err != nil {
		t.Fatal(err)
	}
	pids, file := f.PIDs(), filepath.Join(t.TempDir(), "go on")
	term := func() {
		if err := syscall.Kill(pids[0], syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	term() // while it waits for an event
	done := make(chan struct{})
	go func() {
		defer close(done)
		if got, err := invokeTask(t, f, order{Do: "wait", Say: file}); err != nil || got != `"`+file+`"` {
			t.Errorf("Invoke = %s, %v, want the answer", got, err)
		}
	}()
	for _, err := os.Stat(file + started); err != nil; _, err = os.Stat(file + started) {
		time.Sleep(time.Millisecond)
	}
	term() // while it works on one
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	<-done
	got := f.PIDs()
	f.Close(t.Context())
	if len(got) != 1 || got[0] != pids[0] || l.String() != "" {
		t.Errorf("processes = %v, log %q, want %v still and no word", got, l, pids)
	}
}

// The line of a request names the trace that Lambda gave the event.
func TestTraceReachesTheLog(t *testing.T) {
	f, l := function(t, routeName)
	answer, err := f.Invoke(t.Context(), []byte(`{"routeKey":"GET /health","requestContext":{"http":{"method":"GET"}}}`))
	if err != nil || !strings.Contains(string(answer), `"statusCode":200`) {
		t.Fatalf("Invoke = %s, %v", answer, err)
	}
	f.Close(t.Context())
	var line struct {
		TraceID string `json:"trace_id"`
	}
	if err := json.Unmarshal([]byte(l.String()), &line); err != nil || !strings.HasPrefix(line.TraceID, "1-") || len(line.TraceID) != 35 {
		t.Errorf("log = %q, %v, want the id of a trace", l, err)
	}
}
