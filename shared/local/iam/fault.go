package iam

import (
	"net/http"
	"slices"
	"time"
)

// Call is an allowed call before it is sent to the endpoint.
type Call struct {
	Function string
	Operation
	// Body is the body of the request. It must not be changed.
	Body []byte
}

// Needs reports whether the call needs an action, such as "dynamodb:UpdateItem",
// for itself or for a part of a transaction.
func (c Call) Needs(action string) bool {
	return slices.ContainsFunc(c.Demands, func(d Demand) bool { return d.Action == action })
}

// Fault is what goes wrong with one call. With the zero Fault, nothing does.
type Fault struct {
	// Delay is how long the call waits first.
	Delay time.Duration
	// Error is the answer. The endpoint does not get the call.
	Error *Error
	// Twice sends the call to the endpoint two times. The function gets the
	// second answer.
	Twice bool
	// Drop sends the call to the endpoint and then closes the connection without
	// an answer. A write has happened, and the function does not know.
	Drop bool
}

// Error is an error answer of AWS.
type Error struct {
	Status int
	// Type is the name of the exception without its namespace.
	Type    string
	Message string
}

// Throttled is the answer to a call above the capacity of a table. The SDK tries
// again.
var Throttled = &Error{
	Status: http.StatusBadRequest, Type: "ProvisionedThroughputExceededException",
	Message: "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
}

// Conflict is the answer to a write on an item that a running transaction writes.
// The SDK does not try again.
var Conflict = &Error{
	Status: http.StatusBadRequest, Type: "TransactionConflictException",
	Message: "Transaction is ongoing for the item",
}

// Broken is an internal error of the service. The SDK tries again.
var Broken = &Error{
	Status: http.StatusInternalServerError, Type: "InternalServerError",
	Message: "The request processing has failed because of an unknown error",
}

func (e *Error) refusal() *refusal {
	return &refusal{status: e.Status, kind: dynamo + e.Type, message: e.Message}
}

// Inject makes f decide the fault of each later call. With nil, there are no faults
// any more. Calls run at the same time, so f must be safe for concurrent use. A second
// attempt of the SDK is a separate call.
func (w *Wall) Inject(f func(Call) Fault) {
	if f == nil {
		w.fault.Store(nil)
		return
	}
	w.fault.Store(&f)
}

func (w *Wall) faultFor(c *call) Fault {
	f := w.fault.Load()
	if f == nil {
		return Fault{}
	}
	return (*f)(Call{Function: c.caller.name, Operation: c.op, Body: c.body})
}
