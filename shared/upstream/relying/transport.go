package relying

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// DefaultTimeout is the time limit for one request to an upstream, from name
	// resolution to the last byte.
	DefaultTimeout = 5 * time.Second
	// MaxBody is the size of the largest answer in bytes.
	MaxBody = 1 << 20

	maxHeader   = 64 << 10
	dialTimeout = 2 * time.Second
	idleTimeout = time.Minute
)

// network is shared by all clients, like its connections. It uses no proxy.
var network http.RoundTripper = &http.Transport{
	DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
	MaxResponseHeaderBytes: maxHeader,
	MaxIdleConnsPerHost:    2,
	IdleConnTimeout:        idleTimeout,
}

// errTooLarge is returned when an answer is larger than [MaxBody].
var errTooLarge = fmt.Errorf("the answer is larger than %d bytes", MaxBody)

// bounded adds our user agent, and reads at most [MaxBody] of an answer.
type bounded struct{ next http.RoundTripper }

// RoundTrip sends a request. The function endpoint has checked its URL.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "Tipstaff")
	answer, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = &body{ReadCloser: answer.Body, left: MaxBody}
	return answer, nil
}

type body struct {
	io.ReadCloser
	left int
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if n > b.left {
		return b.left, errTooLarge
	}
	b.left -= n
	return n, err
}

// unreachable returns the error of a request without an answer, and nil if err is about an
// answer. It quotes only an address of the upstream and a failure on our side.
func unreachable(err error) *Error {
	if failure, ok := errors.AsType[*url.Error](err); ok {
		return &Error{Reason: "the upstream cannot be reached", Temporary: true, Err: failure}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Error{Reason: "the upstream takes too long", Temporary: true}
	}
	return nil
}

// overloaded reports whether another try may succeed after this status.
func overloaded(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

// get reads a JSON document into v, with an access token unless it is empty. The error is an
// [*Error] that names the document by the parameter what.
func (party *Party) get(ctx context.Context, what, address, accessToken string, v any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return distrust("the address of " + what + " is no URL")
	}
	r.Header.Set("Accept", "application/json")
	if accessToken != "" {
		r.Header.Set("Authorization", "Bearer "+accessToken)
	}
	answer, err := party.http().Do(r)
	if err != nil {
		if failure := unreachable(err); failure != nil {
			return failure
		}
		return &Error{Reason: what + " cannot be read", Temporary: true}
	}
	defer func() { _ = answer.Body.Close() }() // read, or given up
	if answer.StatusCode != http.StatusOK {
		return &Error{Reason: fmt.Sprintf("%s: the answer is %d", what, answer.StatusCode), Temporary: overloaded(answer.StatusCode)}
	}
	data, err := io.ReadAll(answer.Body)
	if errors.Is(err, errTooLarge) {
		return distrust(what + " is too large")
	}
	if err != nil {
		return &Error{Reason: what + " cannot be read", Temporary: true}
	}
	if err := json.Unmarshal(data, v); err != nil {
		return distrust(what + " is not what it should be")
	}
	return nil
}
