package apigw

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// The paths of the Lambda Runtime API, of whose versions there is one.
const (
	nextPath   = "/2018-06-01/runtime/invocation/next"
	eventsPath = "/2018-06-01/runtime/invocation/"
)

// runtime is a connection to the Lambda Runtime API, over which a process asks
// for one event after the other.
//
// The API is a server on the same machine that answers one request at a time.
// So the goroutine that works also writes the request and reads the answer,
// where net/http's client hands both to goroutines of their own: that alone
// costs a function as much as the signature of a token. What is sent and read
// is HTTP/1.1 all the same, and net/http parses it.
type runtime struct {
	address string // host and port
	log     io.Writer
	conn    net.Conn
	in      *bufio.Reader
	out     bytes.Buffer // the request that is being written
	body    bytes.Buffer // of the last answer
}

// serve works on events until the Runtime API cannot be reached. It does not
// return nil.
func (rt *runtime) serve(task Task) error {
	for {
		if err := rt.one(task); err != nil {
			return err
		}
	}
}

// one waits for an event, which may take for ever, and answers it.
func (rt *runtime) one(task Task) error {
	status, about, err := rt.call(http.MethodGet, nextPath, nil, "")
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("ask for the next event: status %d", status)
	}
	id := about.Get("Lambda-Runtime-Aws-Request-Id")
	deadline, err := strconv.ParseInt(about.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
	if err != nil || id == "" {
		return fmt.Errorf("the event has no id or no deadline")
	}
	ctx, cancel := context.WithDeadline(context.Background(), time.UnixMilli(deadline))
	answer, err := task(ctx, rt.body.Bytes())
	cancel()
	if err != nil {
		return rt.report(id, err)
	}
	return rt.answer(id+"/response", answer, "")
}

// failure is how a function says that it could not take an event.
type failure struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

// errorType is the type of every failure: their messages tell them apart.
const errorType = "Function.Error"

// report tells who called, and the log: Lambda writes nothing there by itself.
func (rt *runtime) report(id string, why error) error {
	body, err := json.Marshal(failure{Message: why.Error(), Type: errorType})
	if err != nil {
		return fmt.Errorf("marshal a failure: %w", err)
	}
	fmt.Fprintf(rt.log, "%s\n", body)
	return rt.answer(id+"/error", body, "Lambda-Runtime-Function-Error-Type: "+errorType+"\r\n")
}

func (rt *runtime) answer(path string, body []byte, header string) error {
	status, _, err := rt.call(http.MethodPost, eventsPath+path, body, header)
	if err != nil {
		return err
	}
	if status != http.StatusAccepted {
		return fmt.Errorf("answer an event: status %d", status)
	}
	return nil
}

// call sends a request in one piece and reads the whole answer, whose body is
// in rt.body until the next call. Nothing is tried again: the connection does
// not leave the machine, and who loses it starts anew.
func (rt *runtime) call(method, path string, body []byte, header string) (status int, about http.Header, err error) {
	if err := rt.connect(); err != nil {
		return 0, nil, err
	}
	rt.out.Reset()
	rt.out.WriteString(method + " " + path + " HTTP/1.1\r\nHost: " + rt.address + "\r\n" + header)
	if method == http.MethodPost {
		rt.out.WriteString("Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	rt.out.WriteString("\r\n")
	rt.out.Write(body)
	if _, err := rt.conn.Write(rt.out.Bytes()); err != nil {
		return 0, nil, fmt.Errorf("write to the Runtime API: %w", err)
	}
	got, err := http.ReadResponse(rt.in, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("read from the Runtime API: %w", err)
	}
	rt.body.Reset()
	_, err = rt.body.ReadFrom(got.Body)
	if err := errors.Join(err, got.Body.Close()); err != nil {
		return 0, nil, fmt.Errorf("read from the Runtime API: %w", err)
	}
	if got.Close {
		err = rt.conn.Close()
		rt.conn = nil
	}
	return got.StatusCode, got.Header, err
}

func (rt *runtime) connect() error {
	if rt.conn != nil {
		return nil
	}
	conn, err := net.Dial("tcp", rt.address) //nolint:noctx // a start has no deadline of its own: Lambda ends it
	if err != nil {
		return fmt.Errorf("connect to the Runtime API: %w", err)
	}
	rt.conn, rt.in = conn, bufio.NewReader(conn)
	return nil
}
