package apigw

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A platform is the Runtime API with events to give out. When they are used up
// it hangs up.
type platform struct {
	events  []string
	status  int  // of an answer to an answer, 202 if zero
	hangUp  bool // after each request
	replied []string
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.hangUp {
		w.Header().Set("Connection", "close")
	}
	if r.Method == http.MethodGet && r.URL.Path == nextPath && len(p.events) > 0 {
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("id-%d", len(p.events)))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", "4102444800000")
		if len(p.events)%2 == 0 {
			w.(http.Flusher).Flush() // in chunks
		}
		_, _ = io.WriteString(w, p.events[0])
		p.events = p.events[1:]
		return
	}
	if r.Method == http.MethodGet {
		panic(http.ErrAbortHandler)
	}
	body, _ := io.ReadAll(r.Body)
	p.replied = append(p.replied, fmt.Sprintf("%s %s %s", strings.TrimPrefix(r.URL.Path, eventsPath), body, r.Header.Get("Lambda-Runtime-Function-Error-Type")))
	w.WriteHeader(max(p.status, http.StatusAccepted))
}

// work takes the events of p through task until p hangs up.
func work(t *testing.T, p *platform, log io.Writer, task Task) error {
	t.Helper()
	server := httptest.NewServer(p)
	defer server.Close()
	rt := &runtime{address: strings.TrimPrefix(server.URL, "http://"), log: log}
	err := rt.serve(task)
	if rt.conn != nil {
		_ = rt.conn.Close()
	}
	return err
}

func TestEvents(t *testing.T) {
	long := strings.Repeat("a long event ", 10_000)
	for _, hangUp := range []bool{false, true} {
		p := &platform{events: []string{"first", long, "bad", "last"}, hangUp: hangUp}
		var log strings.Builder
		err := work(t, p, &log, func(ctx context.Context, event []byte) ([]byte, error) {
			if at, ok := ctx.Deadline(); !ok || !at.Equal(time.UnixMilli(4102444800000)) {
				t.Errorf("deadline = %v, %v", at, ok)
			}
			if string(event) == "bad" {
				return nil, errors.New(`no "event"`)
			}
			return []byte("got " + string(event)), nil
		})
		want := []string{
			"id-4/response got first ", "id-3/response got " + long + " ",
			`id-2/error {"errorMessage":"no \"event\"","errorType":"Function.Error"} Function.Error`, "id-1/response got last ",
		}
		if err == nil || !strings.Contains(err.Error(), "read from the Runtime API") {
			t.Errorf("serve = %v, want the end of the connection", err)
		}
		if want := `{"errorMessage":"no \"event\"","errorType":"Function.Error"}` + "\n"; log.String() != want {
			t.Errorf("log = %q, want %q", log.String(), want)
		}
		if got := strings.Join(p.replied, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("answers (hanging up: %v) = %.300s, want %.300s", hangUp, got, want)
		}
	}
}

// What the platform does not take ends the process, which Lambda replaces.
func TestRefusedAnswer(t *testing.T) {
	p := &platform{events: []string{"a", "b"}, status: http.StatusRequestEntityTooLarge}
	calls := 0
	err := work(t, p, io.Discard, func(context.Context, []byte) ([]byte, error) { calls++; return nil, nil })
	if err == nil || !strings.Contains(err.Error(), "status 413") || calls != 1 {
		t.Errorf("serve = %v after %d events, want status 413 after one", err, calls)
	}
}

func TestNoPlatform(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := strings.TrimPrefix(server.URL, "http://")
	never := Task(func(context.Context, []byte) ([]byte, error) {
		t.Error("there was an event")
		return nil, nil
	})
	rt := &runtime{address: address}
	if err := rt.serve(never); err == nil || !strings.Contains(err.Error(), "status 404") {
		t.Errorf("serve = %v, want status 404", err)
	}
	if err := rt.conn.Close(); err != nil {
		t.Fatal(err)
	}
	server.Close()
	rt = &runtime{address: address}
	if err := rt.serve(never); err == nil || !strings.Contains(err.Error(), "connect to the Runtime API") {
		t.Errorf("serve = %v, want a refused connection", err)
	}
}

func TestEventWithoutDeadline(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id")
	}))
	defer server.Close()
	rt := &runtime{address: strings.TrimPrefix(server.URL, "http://")}
	err := rt.serve(func(context.Context, []byte) ([]byte, error) { return nil, nil })
	if err == nil || !strings.Contains(err.Error(), "no deadline") {
		t.Errorf("serve = %v, want an error", err)
	}
	_ = rt.conn.Close()
}
