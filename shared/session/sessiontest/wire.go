package sessiontest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Call is a call of the store to the database, before it is made.
type Call struct {
	// Operation is its name, such as "UpdateItem".
	Operation string
	// Body is the request, in JSON.
	Body []byte
}

// Fault is what happens to a call. The zero Fault is nothing.
type Fault struct {
	// Error is returned without a call to the database: the name of an exception,
	// or for a transaction the reason that cancels it.
	Error string
	// Twice makes the database serve the call two times; the store gets the
	// second answer.
	Twice bool
	// Drop lets the database serve the call and then loses the response.
	Drop bool
	// Body replaces the request.
	Body []byte
	// After runs when the call has been served, before its response.
	After func()
}

// Wire carries the calls of a store to the database and counts them. It is an
// aws.HTTPClient and safe for concurrent use.
type Wire struct {
	next aws.HTTPClient

	mu    sync.Mutex
	fault func(Call) Fault
	tally Tally
}

// Tally is what the calls of a store have cost.
type Tally struct {
	// Calls is a list of operations in the order in which they were called.
	Calls []string
	// Read and Write are the consumed capacity units, by the type of operation.
	// DynamoDB does not report those of a failed call.
	Read, Write float64
}

func (t Tally) String() string {
	return fmt.Sprintf("%s (%v write units, %v read units)", strings.Join(t.Calls, " "), t.Write, t.Read)
}

// Inject makes f choose the fault of each call from now on; nil ends it. Concurrent
// calls call f concurrently.
func (w *Wire) Inject(f func(Call) Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

// Count returns the cost of the calls of f.
func (w *Wire) Count(f func()) Tally {
	w.mu.Lock()
	w.tally = Tally{}
	w.mu.Unlock()
	f()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tally
}

var errLost = errors.New("the connection was cut before the answer")

// Do carries one call.
func (w *Wire) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.mu.Lock()
	inject := w.fault
	w.tally.Calls = append(w.tally.Calls, operation)
	w.mu.Unlock()
	var f Fault
	if inject != nil {
		f = inject(Call{Operation: operation, Body: body})
	}
	if f.Error != "" {
		return refuse(r, operation, f.Error), nil
	}
	if f.Body != nil {
		body = f.Body
	}
	if f.Twice {
		if first, err := w.send(r, operation, body); err == nil {
			_ = first.Body.Close()
		}
	}
	answer, err := w.send(r, operation, body)
	if f.After != nil {
		f.After()
	}
	if f.Drop && err == nil {
		_ = answer.Body.Close()
		return nil, errLost
	}
	return answer, err
}

// send makes the call and asks for the capacity as well. The local database does not
// check the signature.
func (w *Wire) send(r *http.Request, operation string, body []byte) (*http.Response, error) {
	body = append([]byte(`{"ReturnConsumedCapacity":"TOTAL",`), body[1:]...)
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer, err := w.next.Do(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(text))
	units := capacity(text)
	w.mu.Lock()
	defer w.mu.Unlock()
	if operation == "GetItem" || operation == "Query" {
		w.tally.Read += units
	} else {
		w.tally.Write += units
	}
	return answer, nil
}

func capacity(answer []byte) float64 {
	type used struct{ CapacityUnits float64 }
	var one struct{ ConsumedCapacity used }
	if json.Unmarshal(answer, &one) == nil {
		return one.ConsumedCapacity.CapacityUnits
	}
	var many struct{ ConsumedCapacity []used }
	_ = json.Unmarshal(answer, &many)
	units := 0.0
	for _, table := range many.ConsumedCapacity {
		units += table.CapacityUnits
	}
	return units
}

// refuse answers like DynamoDB.
func refuse(r *http.Request, operation, reason string) *http.Response {
	body := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"injected"}`, reason)
	if operation == "TransactWriteItems" {
		body = fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"injected",`+
			`"CancellationReasons":[{"Code":"None"},{"Code":%q,"Message":"injected"}]}`, reason)
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:   io.NopCloser(strings.NewReader(body)),
	}
}
