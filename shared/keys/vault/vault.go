// Package vault gives a function the private keys of its stage, out of the
// stage's secret.
//
// The keys are read once per process and again every few minutes, so that a
// rotation reaches every process soon. When the secret cannot be read, keys
// already held go on signing for a day: an outage of the secret store stops
// nobody who is signed in or signing in, while a process that never had keys
// refuses with a temporary error.
package vault

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/keys"
)

const (
	fresh = 10 * time.Minute
	pause = 30 * time.Second // between tries while the secret cannot be read
)

// Vault holds the document of keys. It is safe for concurrent use and makes one
// call at a time.
type Vault struct {
	Client *secretsmanager.Client
	// Secret is the name or ARN of the secret.
	Secret string
	Now    func() time.Time

	mu   sync.Mutex
	held *keys.Document
	read time.Time // when held was read
	next time.Time // when to read again
}

// Document returns the keys. The error says why there are none; keys that could
// not be refreshed are returned without one until they are keys.StaleLife old.
func (v *Vault) Document(ctx context.Context) (*keys.Document, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.Now()
	if v.held != nil && now.Before(v.next) {
		return v.held, nil
	}
	d, err := v.fetch(ctx)
	if err == nil {
		v.held, v.read, v.next = d, now, now.Add(fresh)
		return d, nil
	}
	if v.held != nil && now.Sub(v.read) < keys.StaleLife {
		v.next = now.Add(pause)
		return v.held, nil
	}
	return nil, err
}

func (v *Vault) fetch(ctx context.Context) (*keys.Document, error) {
	out, err := v.Client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &v.Secret})
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	if out.SecretString == nil {
		return nil, fmt.Errorf("read the keys: the secret is not text")
	}
	d, err := keys.Parse([]byte(*out.SecretString))
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	return d, nil
}
