package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

const (
	// apiVersion is the only version of the Runtime API there is.
	apiVersion = "/2018-06-01/runtime"
	// maxAnswer is Lambda's limit for the answer of a synchronous call.
	maxAnswer = 6<<20 + 100
	// maxReport is how much of an error report is read.
	maxReport = 256 << 10
)

// runtimeAPI serves the Runtime API to p.
func (p *process) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiVersion+"/invocation/next", p.serveNext)
	mux.HandleFunc("POST "+apiVersion+"/invocation/{id}/response", p.serveResponse)
	mux.HandleFunc("POST "+apiVersion+"/invocation/{id}/error", p.serveError)
	mux.HandleFunc("POST "+apiVersion+"/init/error", p.serveInitError)
	return mux
}

// serveNext waits, as long as it takes, for an event.
func (p *process) serveNext(w http.ResponseWriter, r *http.Request) {
	p.ask.Do(func() { close(p.asked) })
	var e *event
	select {
	case e = <-p.events:
	case <-r.Context().Done():
		return
	}
	p.mu.Lock()
	p.current = e
	p.mu.Unlock()
	h := w.Header()
	h["Lambda-Runtime-Aws-Request-Id"] = []string{e.id}
	h["Lambda-Runtime-Deadline-Ms"] = []string{strconv.FormatInt(e.deadline.UnixMilli(), 10)}
	h["Lambda-Runtime-Invoked-Function-Arn"] = []string{p.config.ARN}
	h["Lambda-Runtime-Trace-Id"] = []string{traceID(e)}
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(e.payload))}
	_, _ = w.Write(e.payload) // When this fails the process is ending, and outcome sees it.
}

// traceID is an unsampled X-Ray trace, made from the request id.
func traceID(e *event) string {
	hex := func(s string) string {
		digits := make([]byte, 0, len(s))
		for _, c := range []byte(s) {
			if c != '-' {
				digits = append(digits, c)
			}
		}
		return string(digits)
	}(e.id)
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", e.deadline.Unix(), hex[:24], hex[16:])
}

func (p *process) serveResponse(w http.ResponseWriter, r *http.Request) {
	e := p.working(w, r)
	if e == nil {
		return
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		message := "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
		p.answer(e, answer{err: &Error{Function: p.config.Name, Type: TypeSize, Message: message}})
		reply(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", message)
		return
	}
	if err != nil { // The process went away in the middle; outcome sees it.
		return
	}
	p.answer(e, answer{payload: payload})
	accept(w)
}

func (p *process) serveError(w http.ResponseWriter, r *http.Request) {
	e := p.working(w, r)
	if e == nil {
		return
	}
	kind, message := report(r)
	p.answer(e, answer{err: &Error{Function: p.config.Name, Type: kind, Message: message}})
	accept(w)
}

func (p *process) serveInitError(w http.ResponseWriter, r *http.Request) {
	kind, message := report(r)
	select {
	case p.failed <- kind + ": " + message:
	default: // It said so before.
	}
	accept(w)
}

// working returns the event that the request speaks of, or refuses: only the
// event at work can be answered, and only once.
func (p *process) working(w http.ResponseWriter, r *http.Request) *event {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil || p.current.id != r.PathValue("id") {
		reply(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	}
	return p.current
}

// answer ends e.
func (p *process) answer(e *event, a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != e {
		return
	}
	p.current = nil
	e.answer <- a
}

// report reads what a process says about its failure.
func report(r *http.Request) (kind, message string) {
	var body struct{ ErrorType, ErrorMessage string }
	text, err := io.ReadAll(io.LimitReader(r.Body, maxReport))
	if err != nil || json.Unmarshal(text, &body) != nil {
		body.ErrorMessage = string(text)
	}
	if kind := r.Header.Get("Lambda-Runtime-Function-Error-Type"); kind != "" && body.ErrorType == "" {
		body.ErrorType = kind
	}
	if body.ErrorType == "" {
		body.ErrorType = "Runtime.Unknown"
	}
	return body.ErrorType, body.ErrorMessage
}

// accept answers 202 as Lambda does.
func accept(w http.ResponseWriter) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`+"\n")
}

func reply(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": kind, "errorMessage": message})
}
