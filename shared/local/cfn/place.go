package cfn

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// Place is the account and the region of a stage. Its methods are the only code
// that writes ARNs, so a policy and the request that it allows always spell a
// resource in the same way.
type Place struct {
	Region  string
	Account string
}

// Local is the place of the local stack. No account of AWS has this number.
var Local = Place{Region: "us-east-1", Account: "000000000000"}

const partition = "aws"

// TableARN is the ARN of a DynamoDB table.
func (p Place) TableARN(name string) string { return p.arn("dynamodb", "table/"+name) }

// FunctionARN is the ARN of a Lambda function without a qualifier.
func (p Place) FunctionARN(name string) string { return p.arn("lambda", "function:"+name) }

// SecretARN is the ARN of a secret. AWS ends it with six random characters. Here
// they are derived from the name, so that the ARN survives a restart.
func (p Place) SecretARN(name string) string {
	return p.PartialSecretARN(name) + "-" + suffix("secret", name)[:6]
}

// PartialSecretARN is the ARN of a secret without its last six characters. AWS
// accepts it in place of the whole ARN, and writes it into a refusal when no such
// secret exists.
func (p Place) PartialSecretARN(name string) string {
	return p.arn("secretsmanager", "secret:"+name)
}

// RuleARN is the ARN of a rule of EventBridge on the default event bus.
func (p Place) RuleARN(name string) string { return p.arn("events", "rule/"+name) }

// RoleARN is the ARN of an IAM role. IAM has no region.
func (p Place) RoleARN(name string) string {
	return Place{Account: p.Account}.arn("iam", "role/"+name)
}

// SessionARN is the identity of a function that runs under a role. Refusals name
// it. The session has the name of the function.
func (p Place) SessionARN(role, function string) string {
	return Place{Account: p.Account}.arn("sts", "assumed-role/"+role+"/"+function)
}

func (p Place) logGroupARN(name string) string { return p.arn("logs", "log-group:"+name+":*") }

func (p Place) arn(service, resource string) string {
	return strings.Join([]string{"arn", partition, service, p.Region, p.Account, resource}, ":")
}

// suffix stands for the random characters that AWS puts into names. It is always
// the same for the same parts.
func suffix(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base32.StdEncoding.EncodeToString(sum[:])[:12]
}

// generatedName is the name of a resource that the template leaves unnamed. AWS
// allows 64 characters in the name of a role.
func generatedName(at position) string {
	name := at.stack + "-" + at.id
	if len(name) > 51 {
		name = name[:51]
	}
	return name + "-" + suffix(at.stack, at.id)
}

// generatedID is the id of an API or of an integration.
func generatedID(at position) string { return strings.ToLower(suffix(at.stack, at.id)[:10]) }
