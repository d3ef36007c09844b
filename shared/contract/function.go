package contract

import (
	"slices"
	"time"
)

// Function is one Lambda: a route of the HTTP API when it has paths, a task
// that a schedule, a rotation or a deployment calls when it has none.
type Function struct {
	// Name is the folder under functions/, the package under
	// shared/httpapi/ (for a route) and the last part of the physical name.
	Name string
	// Summary says in one line what the function is for.
	Summary string
	// Methods are the HTTP methods it answers; any other gets 405. HEAD
	// follows from GET and OPTIONS from CORS without being listed.
	Methods []string
	// Paths are the paths it serves, without a trailing slash. They are
	// exact, but for a segment such as "{id}" that stands for any one.
	Paths []string
	// CORS says which browsers may read the answers.
	CORS CORS
	// JSON says that a body may be a JSON object of texts as well as a form.
	JSON bool
	// Nested says that a body is JSON of any shape, which the handler reads
	// with httpapi.Body.
	Nested bool
	// Needs is everything the function may ask of AWS. Infra writes the
	// role from it and the local wall judges by that role.
	Needs []Need
	// Memory is in MiB; the CPU share is Memory/1769 of a vCPU.
	Memory int
	// Timeout is Lambda's; the handler gives up Grace earlier, with an
	// answer of its own.
	Timeout time.Duration
	// Warm asks for provisioned concurrency in stages that pay for it.
	Warm bool
	// Page says that the function renders HTML, the only reason to link
	// html/template.
	Page bool
	// Clients says that the function knows clients that registered
	// themselves, and is told whether the stage allows them.
	Clients bool
	// Mails says that the function is told whether the stage sends mail.
	Mails bool
	// Every is how often a task runs by itself, zero for never.
	Every time.Duration
}

// Grace is how long before Lambda's timeout a handler stops waiting, so that
// the answer is ours and never the gateway's.
const Grace = time.Second

// CORS is who may read a route's answers from a browser.
type CORS int

const (
	// SameOrigin sends no CORS header at all.
	SameOrigin CORS = iota
	// AnyOrigin answers every origin, without credentials.
	AnyOrigin
	// NamedOrigins answers the origins that are registered for the client
	// which the request names in its URL, with credentials. A page of the
	// function is never among these answers.
	NamedOrigins
)

// IsTask reports whether f is called by something other than the HTTP API.
func (f Function) IsTask() bool { return len(f.Paths) == 0 }

// Path is the first path of a route. A route with one path is served there; in a
// route with several it is the one that links lead to. A task has no path.
func (f Function) Path() string { return f.Paths[0] }

// Find returns the function of that name among Routes and Tasks.
func Find(name string) (Function, bool) {
	for _, f := range Functions() {
		if f.Name == name {
			return f, true
		}
	}
	return Function{}, false
}

// Functions returns all routes and then all tasks, in their fixed order.
func Functions() []Function { return slices.Concat(Routes, Tasks) }

// Need is a set of actions on one resource.
type Need struct {
	Resource Resource
	// Index is the index of the table that the actions are on, empty for the
	// table itself.
	Index   string
	Actions []Action
}

// Resource names a table, a secret or the mail.
type Resource string

// Action is an IAM action, such as "dynamodb:GetItem". A transaction has no
// action of its own: it needs those of its parts.
type Action string

// The actions that exist here. A function that needs another one adds it.
const (
	GetItem             Action = "dynamodb:GetItem"
	PutItem             Action = "dynamodb:PutItem"
	UpdateItem          Action = "dynamodb:UpdateItem"
	DeleteItem          Action = "dynamodb:DeleteItem"
	Query               Action = "dynamodb:Query"
	ConditionCheckItem  Action = "dynamodb:ConditionCheckItem"
	GetSecretValue      Action = "secretsmanager:GetSecretValue"
	PutSecretValue      Action = "secretsmanager:PutSecretValue"
	DescribeSecret      Action = "secretsmanager:DescribeSecret"
	UpdateSecretVersion Action = "secretsmanager:UpdateSecretVersionStage"
	SendEmail           Action = "ses:SendEmail"
)

func on(r Resource, actions ...Action) Need { return Need{Resource: r, Actions: actions} }
