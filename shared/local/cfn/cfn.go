// Package cfn reads synthesized CloudFormation templates as the local stack
// needs them.
//
// What runs on a laptop is what gets deployed, so the local stack has no
// configuration of its own: it reads the templates that `cdk deploy` would
// send to AWS. A template is a set of resources full of references ("the ARN of
// that table", "the output of that other stack"). AWS resolves them while it
// creates the resources; this package resolves them on paper, for one pretended
// account and region, and hands out plain values: tables, functions with their
// roles, routes, secrets and rotations.
//
// It reads only what somebody asks for. A resource of a type that is not listed
// in Stage may hold anything. But a property that becomes part of a Stage must
// resolve: otherwise Read returns an *Error that names stack, resource and
// property. Nothing is guessed.
package cfn

import (
	"encoding/json"
	"fmt"
	"time"
)

// Stage is everything that the templates of one stage declare and the local
// stack runs. All lists are sorted by name; all references are resolved.
type Stage struct {
	Place     Place
	Tables    []Table
	Functions []Function
	Routes    []Route
	Secrets   []Secret
	Rotations []Rotation
	Rules     []Rule
	Outputs   []Output
}

// Table is an AWS::DynamoDB::Table or AWS::DynamoDB::GlobalTable.
type Table struct {
	Name string
	ARN  string
	// PartitionKey and SortKey are the primary key. SortKey is zero when
	// the table has none.
	PartitionKey Key
	SortKey      Key
	// TTL is the attribute with the expiry time, empty when items stay.
	TTL     string
	Indexes []Index
}

// Key is an attribute that is part of a key.
type Key struct {
	Name string
	// Type is S, N or B.
	Type string
}

// Index is a secondary index of a table.
type Index struct {
	Name         string
	PartitionKey Key
	SortKey      Key
	// Local is true for a local secondary index.
	Local bool
	// Projection is ALL, KEYS_ONLY or INCLUDE; Attributes belong to INCLUDE.
	Projection string
	Attributes []string
}

// Function is an AWS::Lambda::Function.
type Function struct {
	Name    string
	ARN     string
	Handler string
	Runtime string
	// Arch is arm64 or x86_64.
	Arch string
	// Memory is in MiB.
	Memory  int
	Timeout time.Duration
	Env     map[string]string
	Role    Role
}

// Role is the AWS::IAM::Role of a function with every policy of the templates
// that is attached to it.
type Role struct {
	Name string
	ARN  string
	// Policies are the inline policies of the role and the AWS::IAM::Policy
	// resources that name it.
	Policies []Policy
	// Managed are the ARNs of managed policies, whose text no template shows.
	Managed []string
}

// Policy is one policy document with its references resolved.
type Policy struct {
	Name     string
	Document json.RawMessage
}

// Route is an AWS::ApiGatewayV2::Route that leads to a function.
type Route struct {
	// Key is the route key, such as "ANY /token" or "$default".
	Key string
	// API is the id of the HTTP API.
	API string
	// Function is the name of the function, and Qualifier the alias or
	// version that the integration names, empty for $LATEST.
	Function  string
	Qualifier string
	// Authorization is NONE, JWT, AWS_IAM or CUSTOM.
	Authorization string
}

// Secret is an AWS::SecretsManager::Secret.
type Secret struct {
	Name        string
	ARN         string
	Description string
	// Value is the literal value, nil when the template has none.
	Value *string
	// Generate tells how AWS makes up the first value, nil when it does not.
	Generate *Generate
}

// Generate is the GenerateSecretString property of a secret, with the names and
// the defaults of CloudFormation.
type Generate struct {
	PasswordLength          int
	ExcludeCharacters       string
	ExcludeLowercase        bool
	ExcludeNumbers          bool
	ExcludePunctuation      bool
	ExcludeUppercase        bool
	IncludeSpace            bool
	RequireEachIncludedType *bool
	SecretStringTemplate    string
	GenerateStringKey       string
}

// Rotation is an AWS::SecretsManager::RotationSchedule.
type Rotation struct {
	// Secret is the ARN of the secret.
	Secret string
	// Function is the name of the rotation function, FunctionARN what the
	// schedule names, possibly with an alias.
	Function    string
	FunctionARN string
	// Days between two rotations, 0 when Schedule says it.
	Days int
	// Schedule is a rate or cron expression, empty when Days says it.
	Schedule string
	// Immediately tells that creating the schedule rotates at once.
	Immediately bool
}

// Rule is an AWS::Events::Rule that calls a function again and again; one with
// several targets is several of these.
type Rule struct {
	Name string
	ARN  string
	// Every is the time between two calls.
	Every time.Duration
	// Function is the name of the function, and Qualifier the alias or
	// version that the target names, empty for $LATEST.
	Function  string
	Qualifier string
}

// Output is an output of a stack.
type Output struct {
	Stack string
	Name  string
	Value string
	// Export is the name under which other stacks import it, often empty.
	Export string
}

// Function returns the function of that name.
func (s *Stage) Function(name string) (Function, bool) {
	for _, f := range s.Functions {
		if f.Name == name {
			return f, true
		}
	}
	return Function{}, false
}

// Error says which property of which resource could not be resolved.
type Error struct {
	Stack string
	// Resource is the logical id and the type, or "Outputs".
	Resource string
	// Property is the name of the property, or of the output.
	Property string
	Err      error
}

func (e *Error) Error() string {
	return fmt.Sprintf("stack %s, resource %s, property %s: %v", e.Stack, e.Resource, e.Property, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
