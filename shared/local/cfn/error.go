package cfn

import (
	"errors"
	"fmt"
)

// UnknownError is returned when a template uses something that this package does
// not read. It is always inside an [Error].
type UnknownError struct {
	// Thing is an intrinsic function, a resource type, a property, a name or a
	// value, as the template writes it.
	Thing string
}

func (e *UnknownError) Error() string { return e.Thing + " is not known here" }

var (
	// errMissing is returned when a template leaves out what is read.
	errMissing = errors.New("it is missing")
	// errDepth is returned when a reference leads back to itself, and when
	// values nest deeper than maxDepth.
	errDepth = fmt.Errorf("it nests deeper than %d, or a reference leads back to itself", maxDepth)
)

// Error says which part of which template could not be read.
type Error struct {
	Stack string
	// Resource is the logical id and the type of a resource. It is empty when
	// the error is about another part of the template.
	Resource string
	// Path leads from the resource, or from the whole template, to the value:
	// Properties.Environment.Variables.X.
	Path string
	Err  error
}

func (e *Error) Error() string {
	where := "stack " + e.Stack
	if e.Resource != "" {
		where += ", resource " + e.Resource
	}
	if e.Path != "" {
		where += ", path " + e.Path
	}
	return fmt.Sprintf("%s: %v", where, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// position is where a value stands.
type position struct {
	stack string
	// id and typ belong to the resource. They are empty outside of resources.
	id, typ string
	path    string
}

// field is the position of a field of the object at this position.
func (p position) field(name string) position {
	if p.path != "" {
		name = p.path + "." + name
	}
	p.path = name
	return p
}

// element is the position of an element of the list at this position.
func (p position) element(index int) position {
	p.path = fmt.Sprintf("%s[%d]", p.path, index)
	return p
}

// fail keeps the first error. Later ones may follow from it.
func (r *reader) fail(at position, err error) {
	if r.err != nil {
		return
	}
	e := &Error{Stack: at.stack, Path: at.path, Err: err}
	if at.id != "" {
		e.Resource = at.id + " (" + at.typ + ")"
	}
	r.err = e
}

func (r *reader) unknown(at position, thing string) { r.fail(at, &UnknownError{Thing: thing}) }
