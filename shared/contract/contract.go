// Package contract is the one place where Tipstaff says what it consists of.
//
// A Tipstaff deployment is a set of Lambda functions over three tables and one
// secret. Each function, table and secret is one value here, and everybody
// else reads these values: infra turns them into CloudFormation, the functions
// read their environment by them, the local stack and the tests walk them. A
// permission, a path or a physical name therefore has no second spelling.
//
// The package imports nothing but the standard library, so that the CDK app
// can use it without linking a line of what runs inside the Lambdas.
package contract

import "strings"

// Version is the version of Tipstaff, by semantic versioning. It stands
// nowhere else: binaries, health answers and templates read it here.
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
