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

// The services behind the wall, as actions spell them.
const (
	dynamoDB       = "dynamodb"
	secretsManager = "secretsmanager"
)

// targets are the prefixes of X-Amz-Target.
var targets = map[string]string{
	"DynamoDB_20120810": dynamoDB,
	"secretsmanager":    secretsManager,
}

// Operation is a request as IAM sees it.
type Operation struct {
	// Service is dynamodb or secretsmanager.
	Service string
	// Name is the API operation, such as TransactWriteItems.
	Name string
	// Demands are all that the role must allow, at least one.
	Demands []Demand
}

// Demand is one permission that a request needs.
type Demand struct {
	// Action is a full action, such as "dynamodb:PutItem".
	Action string
	// Resource is an ARN, or "*" for an action without a resource.
	Resource string
}

// ErrUnknownOperation says that the wall cannot tell what a request would
// touch, and so must refuse it.
var ErrUnknownOperation = errors.New("the local IAM wall does not know this operation")

// Names turns the names in requests into ARNs.
type Names struct {
	Place   cfn.Place
	Secrets []cfn.Secret
}

// Analyze reads out of a request what it needs. The target is the value of the
// header X-Amz-Target, the body is JSON that nobody has checked. A body in
// which anything could be read in two ways, such as a key that comes twice, is
// an error, because the endpoint might read it the other way.
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
		err = errors.New("the request touches nothing")
	}
	if err != nil {
		return op, fmt.Errorf("read %s: %w", target, err)
	}
	return op, nil
}

// demand adds an action of the operation's service.
func (o *Operation) demand(action, resource string) {
	o.Demands = append(o.Demands, Demand{Action: o.Service + ":" + action, Resource: resource})
}

// tableName is what DynamoDB allows as a name of a table or index. It leaves no
// room for a slash or a wildcard, with which a name could pose as another ARN.
var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

// table is the ARN of a table that a request names by name or by ARN.
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

// secret is the ARN of a secret that a request names by name, by ARN, or by ARN
// without its last six characters.
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

// members calls visit for each member of a JSON object. It refuses a key that
// comes twice, and that in any spelling: some decoders do not tell "tablename"
// from "TableName", so the endpoint might obey another one than the wall read.
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
		return errors.New("something follows the JSON")
	}
	return nil
}

// fold removes the case of a key. A key with other letters than ASCII is
// nothing that AWS defines, and some of them fold to ASCII.
func fold(key string) (string, error) {
	for i := range len(key) {
		if key[i] >= utf8.RuneSelf {
			return "", fmt.Errorf("%q is not a name of AWS", clip(key))
		}
	}
	return strings.ToLower(key), nil
}

// word reads a JSON string; null is an empty one.
func word(value json.RawMessage) (string, error) {
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return "", errors.New("a text is wanted")
	}
	return s, nil
}

// clip keeps errors short, whatever a stranger sends.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
