package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/child"
	"github.com/tipstaff/tipstaff/shared/local/lambda"
)

// function returns this test binary as a function, closed at the end of t.
func function(tb testing.TB, change func(*lambda.Config)) *lambda.Function {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	c := lambda.Config{
		Name: "tipstaff-test-echo", ARN: "arn:echo", Binary: self, Handler: "bootstrap",
		Region: "eu-central-1", Memory: 256, Timeout: 5 * time.Second,
		Env: map[string]string{initMode: ""},
	}
	if change != nil {
		change(&c)
	}
	f := lambda.New(c)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		f.Close(ctx)
	})
	return f
}

func invoke(tb testing.TB, f *lambda.Function, o order, answer any) error {
	tb.Helper()
	payload, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	got, err := f.Invoke(context.Background(), payload)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(got, answer); err != nil {
		tb.Fatalf("answer %q: %v", got, err)
	}
	return nil
}

func TestOneProcessServesManyEvents(t *testing.T) {
	f := function(t, nil)
	if pids := f.PIDs(); len(pids) != 0 {
		t.Errorf("before the first event processes %v run, want none", pids)
	}
	for i := range 20 {
		var said string
		want := strconv.Itoa(i)
		if err := invoke(t, f, order{Say: want}, &said); err != nil || said != want {
			t.Fatalf("Invoke(%q) = %q, %v", want, said, err)
		}
	}
	if got := len(f.PIDs()); got != 1 || f.Invocations() != 20 {
		t.Errorf("%d processes served %d events, want 1 and 20", got, f.Invocations())
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "mine")
	t.Setenv("HTTPS_PROXY", "http://proxy")
	f := function(t, func(c *lambda.Config) {
		c.Env = map[string]string{initMode: "", "TIPSTAFF_STAGE": "staging", "AWS_ACCESS_KEY_ID": "its own"}
	})
	var list []string
	if err := invoke(t, f, order{Do: "env"}, &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range list {
		name, value, _ := strings.Cut(entry, "=")
		got[name] = value
	}
	want := map[string]string{
		"AWS_ACCESS_KEY_ID": "its own", "TIPSTAFF_STAGE": "staging", "AWS_REGION": "eu-central-1",
		"AWS_DEFAULT_REGION": "eu-central-1", "AWS_LAMBDA_FUNCTION_NAME": "tipstaff-test-echo",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1", "_HANDLER": "bootstrap",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/tipstaff-test-echo", "TZ": ":UTC",
		"AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s = %q, want %q", name, got[name], value)
		}
	}
	if _, leaked := got["HTTPS_PROXY"]; leaked {
		t.Errorf("our own environment got through: %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestEventHeaders(t *testing.T) {
	f := function(t, nil)
	var header map[string][]string
	before := time.Now()
	if err := invoke(t, f, order{Do: "header"}, &header); err != nil {
		t.Fatal(err)
	}
	deadline, err := strconv.ParseInt(header["Lambda-Runtime-Deadline-Ms"][0], 10, 64)
	left := time.UnixMilli(deadline).Sub(before)
	if err != nil || left < 4900*time.Millisecond || left > 7*time.Second {
		t.Errorf("the deadline is in %v, want about the timeout of 5 s", left)
	}
	if got := header["Lambda-Runtime-Invoked-Function-Arn"]; !slices.Equal(got, []string{"arn:echo"}) {
		t.Errorf("ARN = %q, want arn:echo", got)
	}
	if got := header["Lambda-Runtime-Trace-Id"]; len(got) != 1 || !strings.HasPrefix(got[0], "Root=1-") {
		t.Errorf("trace = %q, want Root=1-…", got)
	}
	if got := header["Lambda-Runtime-Aws-Request-Id"][0]; len(got) != 36 {
		t.Errorf("request id = %q, want a UUID", got)
	}
}

func TestConcurrency(t *testing.T) {
	f := function(t, func(c *lambda.Config) { c.Concurrency = 3 })
	var mu sync.Mutex
	pids := map[int]int{}
	var all sync.WaitGroup
	for range 9 {
		all.Go(func() {
			var pid int
			if err := invoke(t, f, order{Do: "pid", Sleep: 100 * time.Millisecond}, &pid); err != nil {
				t.Error(err)
			}
			mu.Lock()
			pids[pid]++
			mu.Unlock()
		})
	}
	all.Wait()
	if got := f.PIDs(); len(got) != 3 || len(pids) != 3 || !slices.Equal(got, slices.Sorted(maps.Keys(pids))) {
		t.Errorf("processes %v answered %v, want the same 3", got, pids)
	}
}

func TestCallerLeavesAndTheFunctionWorksOn(t *testing.T) {
	f := function(t, func(c *lambda.Config) { c.Concurrency = 1 })
	var pid, later int
	if err := invoke(t, f, order{Do: "pid"}, &pid); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := f.Invoke(ctx, []byte(`{"Sleep":100000000}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Invoke = %v, want the caller's own deadline", err)
	}
	if err := invoke(t, f, order{Do: "pid"}, &later); err != nil || later != pid {
		t.Errorf("process %d answered, %v, want the undisturbed %d", later, err, pid)
	}
}

func TestClose(t *testing.T) {
	f := function(t, nil)
	var pid int
	if err := invoke(t, f, order{Do: "pid"}, &pid); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error)
	go func() {
		var said string
		answered <- invoke(t, f, order{Sleep: 200 * time.Millisecond, Say: "x"}, &said)
	}()
	for f.Invocations() < 2 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	f.Close(ctx)
	if err := <-answered; err != nil {
		t.Errorf("the event at work got %v, want its answer", err)
	}
	if child.Alive(pid) {
		t.Errorf("process %d runs after Close", pid)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, lambda.ErrClosed) {
		t.Errorf("Invoke after Close = %v, want ErrClosed", err)
	}
}

func TestCloseDoesNotWaitForever(t *testing.T) {
	f := function(t, nil)
	answered := make(chan error)
	go func() { answered <- invoke(t, f, order{Sleep: time.Minute}, nil) }()
	for len(f.PIDs()) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	f.Close(ctx)
	if err := <-answered; err == nil {
		t.Error("the killed event was answered, want an error")
	}
}

func BenchmarkInvoke(b *testing.B) {
	f := function(b, nil)
	payload := []byte(`{"Say":"x"}`)
	for b.Loop() {
		if _, err := f.Invoke(b.Context(), payload); err != nil {
			b.Fatal(err)
		}
	}
}
