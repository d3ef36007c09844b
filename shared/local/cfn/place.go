package cfn

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// Place is the account and region in which the templates pretend to be
// deployed. Its methods are the only code that writes ARNs, so that a policy
// and the request it allows can never spell one resource in two ways.
type Place struct {
	Region  string
	Account string
}

// Local is the place of the local stack. No real account has this number.
var Local = Place{Region: "us-east-1", Account: "000000000000"}

const (
	partition = "aws"
	urlSuffix = "amazonaws.com"
)

// TableARN is the ARN of a DynamoDB table.
func (p Place) TableARN(name string) string { return p.arn("dynamodb", "table/"+name) }

// IndexARN is the ARN of a secondary index.
func (p Place) IndexARN(table, index string) string { return p.TableARN(table) + "/index/" + index }

// FunctionARN is the ARN of a Lambda function without a qualifier.
func (p Place) FunctionARN(name string) string { return p.arn("lambda", "function:"+name) }

// SecretARN is the ARN of a secret. AWS ends it with six random characters;
// here they are derived from the name, so that the ARN survives a restart.
func (p Place) SecretARN(name string) string {
	return p.arn("secretsmanager", "secret:"+name+"-"+suffix("secret", name)[:6])
}

// PartialSecretARN is the ARN of a secret without its last six characters. AWS
// accepts it wherever it takes a secret, and names it in refusals when no such
// secret exists.
func (p Place) PartialSecretARN(name string) string {
	return p.arn("secretsmanager", "secret:"+name)
}

// RoleARN is the ARN of an IAM role. IAM knows no region.
func (p Place) RoleARN(name string) string {
	return strings.Join([]string{"arn", partition, "iam", "", p.Account, "role/" + name}, ":")
}

// RuleARN is the ARN of a rule of EventBridge on the default event bus.
func (p Place) RuleARN(name string) string { return p.arn("events", "rule/"+name) }

// SessionARN is the identity with which a function that runs under a role
// appears in refusals: the session has the name of the function.
func (p Place) SessionARN(role, function string) string {
	return strings.Join([]string{"arn", partition, "sts", "", p.Account, "assumed-role/" + role + "/" + function}, ":")
}

func (p Place) arn(service, resource string) string {
	return strings.Join([]string{"arn", partition, service, p.Region, p.Account, resource}, ":")
}

// suffix stands for the random characters that AWS appends to names. It is
// always the same for the same parts.
func suffix(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base32.StdEncoding.EncodeToString(sum[:])[:12]
}

// generated is the physical name of a resource that the template leaves
// unnamed. AWS allows 64 characters in the shortest of these names.
func generated(stack, id string) string {
	name := stack + "-" + id
	if len(name) > 51 {
		name = name[:51]
	}
	return name + "-" + suffix(stack, id)
}
