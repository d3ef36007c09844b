package secrets

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// MaxSecret is the length of the longest client secret in bytes. Some secrets are signed
// JWTs.
const MaxSecret = 4096

// maxDocument is the length of the longest value in Secrets Manager.
const maxDocument = 65536

// The members of the document. Unknown members are kept.
const (
	memberFormat  = "format"
	memberSecrets = "client_secrets"
)

// Document is the content of the secret.
type Document struct {
	secrets map[string]string
	others  map[string]json.RawMessage
}

// Parse parses a document. No error quotes it.
func Parse(data []byte) (*Document, error) {
	d := &Document{secrets: map[string]string{}}
	if err := json.Unmarshal(data, &d.others); err != nil || d.others == nil {
		return nil, errors.New("the secret is not a document of client secrets")
	}
	var have string
	if err := json.Unmarshal(d.others[memberFormat], &have); err != nil || have != format() {
		return nil, errors.New("the secret has another format than " + format())
	}
	if secrets, ok := d.others[memberSecrets]; ok {
		if err := json.Unmarshal(secrets, &d.secrets); err != nil || d.secrets == nil {
			return nil, errors.New("the secret has client secrets that are none")
		}
	}
	return d, nil
}

// format is the format in package contract.
func format() string {
	for _, s := range contract.Secrets {
		if s.Name == contract.Upstreams {
			return s.Format
		}
	}
	panic("the contract has no secret " + contract.Upstreams)
}

// Secret returns our client secret at an upstream, or [ErrNone].
func (d *Document) Secret(id string) (string, error) {
	if s := d.secrets[id]; s != "" {
		return s, nil
	}
	return "", fmt.Errorf("upstream %s: %w", id, ErrNone)
}

// IDs returns the upstreams with a client secret, sorted.
func (d *Document) IDs() []string { return slices.Sorted(maps.Keys(d.secrets)) }

// Check returns an error when a client secret is not valid. The error does not quote it. Any
// printable text is valid (RFC 6749 §A.2), except one with spaces around it, which come from
// copying.
func Check(secret string) error {
	switch {
	case secret == "":
		return errors.New("client secret is empty")
	case len(secret) > MaxSecret:
		return fmt.Errorf("client secret is longer than %d bytes", MaxSecret)
	case strings.TrimSpace(secret) != secret:
		return errors.New("client secret begins or ends with a space")
	case !utf8.ValidString(secret) || strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r > '~' }):
		return errors.New("client secret has a character that no client secret has, or more than one line")
	}
	return nil
}

func (d *Document) marshal() (string, error) {
	secrets, err := json.Marshal(d.secrets)
	if err != nil {
		return "", fmt.Errorf("write the client secrets: %w", err)
	}
	d.others[memberSecrets] = secrets
	data, err := json.Marshal(d.others)
	if err != nil {
		return "", fmt.Errorf("write the client secrets: %w", err)
	}
	if len(data) > maxDocument {
		return "", fmt.Errorf("all client secrets together are longer than %d bytes", maxDocument)
	}
	return string(data), nil
}
