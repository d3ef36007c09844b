package lambda

import (
	"context"
	"fmt"
	"strings"
)

// Error is a failure of the function itself: it reported an error, crashed,
// could not start or ran out of time.
type Error struct {
	// Function is the physical name.
	Function string
	// Type is what Lambda or the function calls it, such as
	// "Runtime.ExitError".
	Type string
	// Message is for human readers.
	Message string
	// Lines are the last lines that the process printed.
	Lines []string
}

// The types of errors that Lambda makes itself.
const (
	// TypeExit means that the process ended in the middle of an event.
	TypeExit = "Runtime.ExitError"
	// TypeInit means that the process never asked for an event.
	TypeInit = "Runtime.InitError"
	// TypeTimeout means that the process was killed at its deadline.
	TypeTimeout = "Sandbox.Timedout"
	// TypeSize means that the answer was longer than 6 MB.
	TypeSize = "Function.ResponseSizeTooLarge"
)

func (e *Error) Error() string {
	text := fmt.Sprintf("function %s: %s: %s", e.Function, e.Type, e.Message)
	if len(e.Lines) > 0 {
		text += "; its last lines: " + strings.Join(e.Lines, " | ")
	}
	return text
}

// Is reports a timeout as context.DeadlineExceeded.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Type == TypeTimeout
}
