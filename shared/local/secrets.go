package local

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/local/secrets"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

// secretsFile is the file of the secrets in the folder of a stack.
const secretsFile = "secrets.json"

// SecretsManager returns a client for operators. No role limits it.
func (s *Stack) SecretsManager() *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		Region:       s.stage.Place.Region,
		BaseEndpoint: &s.secretsURL,
		Credentials:  aws.Static("operator", "operator", ""),
	})
}

// startSecrets opens the secrets and serves them to operators. fresh means that the
// database is new. Then the secrets must be new too: old ones belong to data that is
// lost.
func (s *Stack) startSecrets(ctx context.Context, fresh bool) error {
	path := filepath.Join(s.options.Dir, secretsFile)
	var err error
	if s.secrets, err = secrets.Open(path); err != nil {
		return err
	}
	for _, secret := range s.stage.Secrets {
		created, err := s.secrets.Ensure(secret)
		if err != nil {
			return err
		}
		if fresh && !created {
			return fmt.Errorf("the database is new but %s holds secrets of an older one; remove %s to start with new ones", path, s.options.Dir)
		}
	}
	s.onClose(s.secrets.Wait)
	server, url, err := serveInternal(ctx, s.secrets)
	if err != nil {
		return fmt.Errorf("serve the secrets: %w", err)
	}
	s.onClose(func() { _ = server.Close() })
	s.secretsURL = url
	return nil
}

// rotate attaches the rotations. It runs those that AWS runs when it creates their
// schedule, unless they have succeeded before. So it also repeats a rotation that was
// interrupted.
func (s *Stack) rotate(ctx context.Context) error {
	for _, r := range s.stage.Rotations {
		short, err := s.options.short(r.Function)
		if err != nil {
			return err
		}
		if err := s.secrets.Schedule(r, s.functions[short].Invoke); err != nil {
			return err
		}
		secret, err := s.SecretsManager().DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &r.Secret})
		if err != nil {
			return fmt.Errorf("look at secret %s: %w", r.Secret, err)
		}
		if secret.LastRotatedDate != nil || !r.Immediately {
			continue
		}
		began := time.Now()
		if err := s.secrets.Rotate(ctx, r.Secret); err != nil {
			return err
		}
		s.step(began, "first keys, made by function %s", short)
	}
	return nil
}
