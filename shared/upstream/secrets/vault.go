// Package secrets stores our client secrets at upstreams, in one secret of the stage.
//
// A client secret that we issue is stored as a hash. One that an upstream issued to us must
// be sent to that upstream, so it is stored as it is. It stands in Secrets Manager only: the
// registry, its file and the audit trail record only that it exists. Some upstreams issue
// none. There we are a public client, which relies on PKCE alone.
//
// A [Vault] reads the secret for the only function with that permission. An [Editor] changes
// it for operators.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	fresh     = time.Minute      // after which a new secret is seen
	pause     = 10 * time.Second // between tries while the secret cannot be read
	glance    = 5 * time.Second  // between reads for a missing secret
	staleLife = 24 * time.Hour   // of the held secrets, while the secret cannot be read
)

// ErrNone is returned when we have no client secret at that upstream.
var ErrNone = errors.New("there is no client secret")

// Vault holds the client secrets. It reads them at the first use and again after a minute. For
// an upstream without a secret it reads again at once, but at most once in a few seconds.
// While the secret cannot be read, the held ones serve for a day.
//
// It is safe for concurrent use and makes one call at a time.
type Vault struct {
	Client *secretsmanager.Client
	// Name is the name or ARN of the secret.
	Name string
	Now  func(context.Context) time.Time

	mu    sync.Mutex
	held  *Document
	read  time.Time // when held was read
	next  time.Time // when to read again
	tried time.Time // when the secret was last asked for
	err   error     // the result of that
}

// Secret returns our client secret at an upstream, or [ErrNone]. While the secret cannot be
// read it is unknown whether there is one, and the error is that of the read.
func (v *Vault) Secret(ctx context.Context, id string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.Now(ctx)
	if v.held == nil || !now.Before(v.next) || now.Before(v.read) {
		v.reload(ctx)
	}
	if !v.usable(ctx) {
		return "", v.err
	}
	secret, err := v.held.Secret(id)
	if err == nil {
		return secret, nil
	}
	if since := v.Now(ctx).Sub(v.tried); since < 0 || since >= glance {
		v.reload(ctx)
	}
	if v.err != nil {
		return "", v.err
	}
	return v.held.Secret(id)
}

func (v *Vault) usable(ctx context.Context) bool {
	return v.held != nil && v.Now(ctx).Sub(v.read) < staleLife
}

// reload reads the secret and keeps the result. On an error it keeps what is held.
func (v *Vault) reload(ctx context.Context) {
	now := v.Now(ctx)
	d, _, err := fetch(ctx, v.Client, v.Name)
	v.tried, v.err = now, err
	if err != nil {
		v.next = now.Add(pause)
		return
	}
	v.held, v.read, v.next = d, now, now.Add(fresh)
}

// fetch reads the current version of the secret.
func fetch(ctx context.Context, client *secretsmanager.Client, name string) (d *Document, version string, err error) {
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return nil, "", fmt.Errorf("read the client secrets: %w", err)
	}
	if out.SecretString == nil || out.VersionId == nil {
		return nil, "", errors.New("read the client secrets: the secret is not text")
	}
	if d, err = Parse([]byte(*out.SecretString)); err != nil {
		return nil, "", fmt.Errorf("read the client secrets: %w", err)
	}
	return d, *out.VersionId, nil
}
