package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// The services, as actions spell them.
const (
	dynamoDB       = "dynamodb"
	secretsManager = "secretsmanager"
)

// targets are the prefixes of the header X-Amz-Target.
var targets = map[string]string{
	"DynamoDB_20120810": dynamoDB,
	"secretsmanager":    secretsManager,
}

// Operation is what a request does, in the words of IAM.
type Operation struct {
	// Service is dynamodb or secretsmanager.
	Service string
	// Name is the API operation, such as TransactWriteItems.
	Name string
	// Demands are what the role must allow. There is at least one.
	Demands []Demand
}

// Demand is one permission that a request needs.
type Demand struct {
	// Action is the action with its service, such as "dynamodb:PutItem".
	Action string
	// Resource is an ARN, or "*" for an action without a resource.
	Resource string
}

// ErrUnknownOperation is returned when it is not known which resources an
// operation uses. Such a request is refused.
var ErrUnknownOperation = errors.New("the local IAM does not know this operation")

// Names turns the names in a request into ARNs.
type Names struct {
	Place   cfn.Place
	Secrets []cfn.Secret
}

// Analyze returns the operation of a request and what it needs. The target is the
// value of the header X-Amz-Target, the body is unchecked JSON. An ambiguous body
// is an error, such as one with a key that comes twice: the endpoint might read it
// in another way.
func (n Names) Analyze(target string, body []byte) (Operation, error) {
	prefix, name, _ := strings.Cut(target, ".")
	op := Operation{Service: targets[prefix], Name: name}
	var err error
	switch op.Service {
	case dynamoDB:
		err = n.analyzeDynamoDB(&op, body)
	case secretsManager:
		err = n.analyzeSecrets(&op, body)
	default:
		err = ErrUnknownOperation
	}
	if err == nil && len(op.Demands) == 0 {
		err = errors.New("the request names no resource")
	}
	if err != nil {
		return op, fmt.Errorf("read %s: %w", target, err)
	}
	return op, nil
}

// demand adds an action of the service of the operation.
func (o *Operation) demand(action, resource string) {
	o.Demands = append(o.Demands, Demand{Action: o.Service + ":" + action, Resource: resource})
}

// tableName matches the names that DynamoDB allows for a table or index. No slash
// and no wildcard is among the characters, so a name cannot turn into another ARN.
var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

// table returns the ARN of a table that a request names by its name or ARN.
func (n Names) table(name string) (string, error) {
	if tableName.MatchString(name) {
		return n.Place.TableARN(name), nil
	}
	parts := strings.SplitN(name, ":", 6)
	if len(parts) == 6 && parts[0] == "arn" && parts[2] == dynamoDB {
		if plain, ok := strings.CutPrefix(parts[5], "table/"); ok && tableName.MatchString(plain) {
			return name, nil
		}
	}
	return "", fmt.Errorf("%q is not the name of a table", clip(name))
}

// secret returns the ARN of a secret. A request names it by its name, by its ARN, or
// by its ARN without the last six characters.
func (n Names) secret(id string) (string, error) {
	if id == "" {
		return "", errors.New("SecretId is missing")
	}
	for _, s := range n.Secrets {
		if id == s.ARN || id == s.Name || id == n.Place.PartialSecretARN(s.Name) {
			return s.ARN, nil
		}
	}
	if strings.HasPrefix(id, "arn:") {
		return id, nil
	}
	return n.Place.PartialSecretARN(id), nil
}

// members calls visit for each member of a JSON object. It refuses a key that comes
// twice, also in another case. Some decoders take "tablename" for "TableName", so
// the endpoint might use another member than the one that was judged.
func members(data []byte, visit func(key string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("a JSON object is wanted")
	}
	seen := make(map[string]struct{}, 8)
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return fmt.Errorf("the JSON is broken: %w", err)
		}
		key, _ := t.(string)
		folded, err := fold(key)
		if err != nil {
			return err
		}
		if _, twice := seen[folded]; twice {
			return fmt.Errorf("%q comes twice", clip(key))
		}
		seen[folded] = struct{}{}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("the JSON is broken: %w", err)
		}
		if err := visit(key, value); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("the JSON is broken: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text follows the JSON")
	}
	return nil
}

// fold returns a key in lower case. It refuses a key with letters outside ASCII: AWS
// defines no such key, and the lower case of some of these letters is ASCII.
func fold(key string) (string, error) {
	for i := range len(key) {
		if key[i] >= utf8.RuneSelf {
			return "", fmt.Errorf("%q is not a key that AWS defines", clip(key))
		}
	}
	return strings.ToLower(key), nil
}

// word reads a JSON string. null is the empty string.
func word(value json.RawMessage) (string, error) {
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return "", errors.New("a text is wanted")
	}
	return s, nil
}

// clip shortens untrusted text for an error.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
