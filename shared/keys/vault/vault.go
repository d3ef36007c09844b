// Package vault gives a function the private keys of its stage, from the secret of
// the stage.
//
// # Refreshing
//
// A process reads the keys once and again every few minutes, so that a rotation
// reaches every process soon. When the secret cannot be read, held keys go on
// signing for a day: an outage of the secret store ends no session and blocks no
// sign-in. A process that never had keys refuses with a temporary error.
//
// # Unknown keys
//
// A handle names the key of its MAC. A new key makes no handle before every process
// has read it. But a process that could not read the secret for a while may still
// receive a handle of a key that it does not hold. Then it reads the secret again
// at once. It does so at most once in a few seconds, because an attacker can invent
// key names.
package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/keys"
)

const (
	fresh  = 10 * time.Minute
	pause  = 30 * time.Second // between tries while the secret cannot be read
	glance = 5 * time.Second  // between reads for a key that is not there
)

// Vault holds the document of keys. It is safe for concurrent use and makes one
// call at a time.
type Vault struct {
	Client *secretsmanager.Client
	// Secret is the name or ARN of the secret.
	Secret string
	Now    func(context.Context) time.Time

	mu    sync.Mutex
	held  *keys.Document
	read  time.Time // when held was read
	next  time.Time // when to read again
	tried time.Time // when the secret was last asked for
	err   error     // the result of that
}

// Document returns the keys. The error is the reason why there are none. Keys that
// could not be refreshed are returned without error until they are keys.StaleLife
// old.
func (v *Vault) Document(ctx context.Context) (*keys.Document, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.document(ctx)
}

// MACKey returns the MAC key with that id, or the one that makes new handles for an
// empty id. The error is keys.ErrUnknown when there is none. While the secret
// cannot be read it is unknown whether the key exists, and the error is that of the
// read.
func (v *Vault) MACKey(ctx context.Context, id string) (*keys.MACKey, error) {
	if id == "" {
		return find(ctx, v, func(d *keys.Document) (*keys.MACKey, error) { return d.Minting(v.Now(ctx)) })
	}
	return find(ctx, v, func(d *keys.Document) (*keys.MACKey, error) { return d.MACKey(id) })
}

// Pepper returns the pepper with that id, or the one for new hashes for an empty
// id. Errors are as in [Vault.MACKey].
func (v *Vault) Pepper(ctx context.Context, id string) (*keys.Pepper, error) {
	return find(ctx, v, func(d *keys.Document) (*keys.Pepper, error) { return d.Pepper(id) })
}

// find looks a key up, and once more after another read when it is missing. It is a
// function because a method cannot have a type parameter.
func find[K any](ctx context.Context, v *Vault, look func(*keys.Document) (K, error)) (K, error) {
	var none K
	v.mu.Lock()
	defer v.mu.Unlock()
	d, err := v.document(ctx)
	if err != nil {
		return none, err
	}
	k, err := look(d)
	if !errors.Is(err, keys.ErrUnknown) {
		return k, err
	}
	if since := v.Now(ctx).Sub(v.tried); since < 0 || since >= glance {
		v.reload(ctx)
	}
	if v.err != nil {
		return none, v.err
	}
	return look(v.held)
}

func (v *Vault) document(ctx context.Context) (*keys.Document, error) {
	if v.usable(ctx) && v.Now(ctx).Before(v.next) {
		return v.held, nil
	}
	v.reload(ctx)
	if v.usable(ctx) {
		return v.held, nil
	}
	return nil, v.err
}

func (v *Vault) usable(ctx context.Context) bool {
	return v.held != nil && v.Now(ctx).Sub(v.read) < keys.StaleLife
}

// reload reads the secret and keeps the result. On an error it keeps what is held.
func (v *Vault) reload(ctx context.Context) {
	now := v.Now(ctx)
	d, err := v.fetch(ctx)
	v.tried, v.err = now, err
	if err != nil {
		v.next = now.Add(pause)
		return
	}
	v.held, v.read, v.next = d, now, now.Add(fresh)
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
