// Package contract is the single description of what a Tipstaff deployment
// consists of.
//
// # Idea
//
// A deployment is a set of Lambda functions over the DynamoDB tables in [Tables]
// and the secrets in [Secrets]. Each function, table and secret is one value here,
// and all other code reads these values. Infra turns them into CloudFormation, the
// functions read their environment by them, and the local stack and the tests walk
// over them. A permission, a path or a physical name therefore has no second
// spelling.
//
// # Functions
//
// A [Function] is a route of the HTTP API or a task. Its Needs are its whole
// permission. [Routes] and [Tasks] list them all.
//
// # Keys
//
// A [Prefix] begins the key of one kind of item. All prefixes stand in this
// package.
//
// # Imports
//
// The package imports only the standard library, so that the CDK app can use it
// without linking the code that runs inside the Lambdas.
package contract

import "strings"

// Version is the version of Tipstaff, by semantic versioning. Binaries, health
// answers and templates read it here, and it has no copy.
const Version = "0.1.0"

// product is the prefix of every physical name.
const product = "tipstaff"

// FunctionName is the physical name of function f in a stage, such as
// "tipstaff-staging-token".
func FunctionName(stage string, f Function) string { return physical(stage, f.Name) }

// TableName is the physical name of table t in a stage, such as
// "tipstaff-prod-registry".
func TableName(stage string, t Table) string { return physical(stage, string(t.Name)) }

// SecretName is the physical name of secret s in a stage, such as
// "tipstaff-prod-keys".
func SecretName(stage string, s Secret) string { return physical(stage, string(s.Name)) }

func physical(stage, name string) string { return strings.Join([]string{product, stage, name}, "-") }
