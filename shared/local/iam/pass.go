package iam

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// call is one allowed request on its way.
type call struct {
	caller *caller
	op     Operation
	body   []byte
}

// pass sends an allowed request to its endpoint and the answer back, with the fault
// that a test injects.
func (w *Wall) pass(rw http.ResponseWriter, r *http.Request, c *call) {
	fault := w.faultFor(c)
	if !sleep(r.Context(), fault.Delay) {
		return
	}
	if fault.Error != nil {
		fault.Error.refusal().write(rw)
		return
	}
	if fault.Twice {
		if resp, err := w.forward(r, c); err == nil {
			drain(resp)
		}
	}
	resp, err := w.forward(r, c)
	if err != nil {
		unavailable(c.op.Service, err).write(rw)
		return
	}
	if fault.Drop {
		drain(resp)
		// This makes net/http close the connection without an answer.
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	w.answer(rw, resp, c)
}

// passed are the request headers that an endpoint needs. Only the first value of each
// is sent, so the endpoint gets the target that was judged and no other.
var passed = []string{"Accept-Encoding", "Content-Type", "User-Agent", "X-Amz-Date", "X-Amz-Target"}

// forward sends the request to its endpoint.
func (w *Wall) forward(r *http.Request, c *call) (*http.Response, error) {
	body := c.body
	if w.capacity && c.op.Service == dynamoDB {
		body = askCapacity(body)
	}
	base := w.upstream[c.op.Service]
	header := make(http.Header, len(passed)+1)
	for _, key := range passed {
		if values := r.Header[key]; len(values) > 0 {
			header[key] = values[:1]
		}
	}
	header["Authorization"] = []string{w.introduce(r.Header.Get("Authorization"))}
	out := &http.Request{
		Method:        http.MethodPost,
		URL:           base,
		Host:          base.Host,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		// The transport may send again over a new connection when the server
		// has closed an idle one.
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}
	return w.transport.RoundTrip(out.WithContext(r.Context()))
}

// introduce replaces the access key of the function by that of the endpoint.
func (w *Wall) introduce(authorization string) string {
	before, after, _ := strings.Cut(authorization, "Credential=")
	_, scope, _ := strings.Cut(after, "/")
	return before + "Credential=" + w.accessKey + "/" + scope
}

// buffers are reused, because every call needs one.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// answer streams the answer of the endpoint to the function.
func (w *Wall) answer(rw http.ResponseWriter, resp *http.Response, c *call) {
	header := rw.Header()
	for key, values := range resp.Header {
		if key != "Connection" && key != "Keep-Alive" && key != "Transfer-Encoding" {
			header[key] = values
		}
	}
	if resp.ContentLength >= 0 {
		header["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
	}
	rw.WriteHeader(resp.StatusCode)
	body := io.Reader(resp.Body)
	var seen bytes.Buffer
	measured := w.capacity && c.op.Service == dynamoDB && resp.StatusCode == http.StatusOK
	if measured {
		body = io.TeeReader(resp.Body, &seen)
	}
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	if _, err := io.CopyBuffer(struct{ io.Writer }{rw}, body, buffer[:]); err != nil {
		// An incomplete answer must not look complete.
		panic(http.ErrAbortHandler)
	}
	if measured {
		c.caller.consume(c.op, seen.Bytes())
	}
}

func drain(resp *http.Response) {
	defer resp.Body.Close()
	// An error while reading does not matter: the answer is not used.
	_, _ = io.Copy(io.Discard, resp.Body)
}

// sleep waits and reports whether the caller is still there.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
