package iam

import (
	"net/http"
	"slices"
	"time"
)

// Call is an allowed call, as a fault injector sees it before it happens.
type Call struct {
	Function string
	Operation
	// Body is the request; it must not be changed.
	Body []byte
}

// Needs reports whether the call needs an action, such as
// "dynamodb:UpdateItem", alone or as part of a transaction.
func (c Call) Needs(action string) bool {
	return slices.ContainsFunc(c.Demands, func(d Demand) bool { return d.Action == action })
}

// Fault is what goes wrong with one call. The zero Fault is nothing.
type Fault struct {
	// Delay is how long the call waits before anything else happens.
	Delay time.Duration
	// Error is answered in place of the endpoint, which learns nothing.
	Error *Error
	// Twice makes the endpoint serve the call two times; the function gets
	// the second answer.
	Twice bool
	// Drop lets the endpoint serve the call and then cuts the connection
	// without an answer: the write has happened, its writer does not know.
	Drop bool
}

// Error is an error answer of AWS.
type Error struct {
	Status int
	// Type is the name of the exception without its name space.
	Type    string
	Message string
}

// Throttled is the answer of a table that gets more than it may take. The SDK
// tries again.
var Throttled = &Error{
	Status: http.StatusBadRequest, Type: "ProvisionedThroughputExceededException",
	Message: "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
}

// Conflict is the answer to a write that meets a running transaction. The SDK
// does not try again.
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

// Inject makes f decide what goes wrong with each call from now on; nil ends
// it. Calls run at the same time, so f must be safe for concurrent use. A
// failed call that the SDK tries again is a new call.
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
