package contract

import (
	"slices"
	"time"
)

// Function is one Lambda. It is a route of the HTTP API when it has paths. Without
// paths it is a task that a schedule, a rotation or a deployment calls.
type Function struct {
	// Name is the folder under functions/, the package under
	// shared/httpapi/ (for a route) and the last part of the physical name.
	Name string
	// Summary says in one line what the function is for.
	Summary string
	// Methods are the HTTP methods that it accepts. Any other gets 405. HEAD
	// follows from GET, and OPTIONS from CORS, without being listed.
	Methods []string
	// Paths are the paths it serves, without a trailing slash. They match
	// exactly, except that a segment such as "{id}" matches any one segment.
	Paths []string
	// CORS is which browser origins may read the answers.
	CORS CORS
	// JSON allows a JSON object of strings as the body, besides a form.
	JSON bool
	// Nested allows JSON of any shape as the body. The handler reads it with
	// httpapi.Body.
	Nested bool
	// Needs is everything the function may call in AWS. Infra writes the role
	// from it, and the local IAM check enforces that role.
	Needs []Need
	// Memory is in MiB; the CPU share is Memory/1769 of a vCPU.
	Memory int
	// Timeout is the timeout of Lambda. The handler stops [Grace] earlier and
	// sends an answer of its own.
	Timeout time.Duration
	// Warm requests provisioned concurrency in stages that pay for it.
	Warm bool
	// Page reports that the function renders HTML, the only reason to link
	// html/template.
	Page bool
	// Clients reports that the function accepts clients that registered
	// themselves. Its environment has the policy of the stage.
	Clients bool
	// Mails reports that the environment of the function has the mail policy.
	Mails bool
	// Every is the interval at which a task runs, zero for none.
	Every time.Duration
}

// Grace is how long before Lambda's timeout a handler stops waiting, so that
// the answer is ours and never the gateway's.
const Grace = time.Second

// CORS is which origins may read a route's answers in a browser.
type CORS int

const (
	// SameOrigin sends no CORS header.
	SameOrigin CORS = iota
	// AnyOrigin answers every origin, without credentials.
	AnyOrigin
	// NamedOrigins answers the registered origins of the client that the URL of
	// the request names, with credentials. Pages of the function are never among
	// these answers.
	NamedOrigins
)

// IsTask reports whether the HTTP API does not call f.
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
	// Index is the index of the table that the actions use, empty for the table
	// itself.
	Index   string
	Actions []Action
}

// Resource names a table, a secret or the mail identity.
type Resource string

// Action is an IAM action, such as "dynamodb:GetItem". A transaction has no action
// of its own. It needs the actions of its parts.
type Action string

// The actions in use. A function that needs another one adds it here.
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
