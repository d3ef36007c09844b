package secrets

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// ErrChanged is returned when another change of the secret became current first.
var ErrChanged = errors.New("another operator changed the client secrets; run the command again")

// The labels of a secret's versions.
const (
	currentStage = "AWSCURRENT"
	pendingStage = "AWSPENDING"
)

// Editor changes the client secrets of a stage for an operator.
//
// All of them are one document, so a change reads and writes the whole. The new version
// becomes current only if the version that was read still is. So of two concurrent operators
// one gets [ErrChanged], and no secret gets lost.
//
// Secrets Manager takes part in no transaction. So the audit entry is written first. If the
// change then fails, a second entry records the failure. No change is without its entry.
type Editor struct {
	Client *secretsmanager.Client
	// Name is the name or ARN of the secret.
	Name  string
	DB    *dynamodb.Client
	Trail *audit.Trail
	// Actor is the operator, for the audit entries.
	Actor string
}

// IDs returns the upstreams with a client secret, sorted.
func (e *Editor) IDs(ctx context.Context) ([]string, error) {
	d, _, err := fetch(ctx, e.Client, e.Name)
	if err != nil {
		return nil, err
	}
	return d.IDs(), nil
}

// Set stores a client secret for an upstream in place of the old one. It returns the error of
// [Check], or [ErrChanged].
func (e *Editor) Set(ctx context.Context, id, secret string) error {
	if err := Check(secret); err != nil {
		return err
	}
	return e.edit(ctx, id, "set", func(d *Document) error {
		d.secrets[id] = secret
		return nil
	})
}

// Remove deletes the client secret of an upstream. It returns [ErrNone] or [ErrChanged]. The
// previous version of the document holds it until the next change.
func (e *Editor) Remove(ctx context.Context, id string) error {
	return e.edit(ctx, id, "removed", func(d *Document) error {
		if _, err := d.Secret(id); err != nil {
			return err
		}
		delete(d.secrets, id)
		return nil
	})
}

func (e *Editor) edit(ctx context.Context, id, what string, change func(*Document) error) error {
	d, version, err := fetch(ctx, e.Client, e.Name)
	if err != nil {
		return err
	}
	if err := change(d); err != nil {
		return err
	}
	text, err := d.marshal()
	if err != nil {
		return err
	}
	put, err := e.Client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &e.Name, SecretString: &text, VersionStages: []string{pendingStage},
	})
	if err != nil {
		return fmt.Errorf("write the client secrets: %w", err)
	}
	if err := e.record(ctx, id, what, audit.Success); err != nil {
		return err
	}
	if err := e.promote(ctx, version, *put.VersionId); err != nil {
		return errors.Join(err, e.record(context.WithoutCancel(ctx), id, what, audit.Refused))
	}
	return nil
}

// promote makes the version next the current one, if before still is.
func (e *Editor) promote(ctx context.Context, before, next string) error {
	stage := currentStage
	_, err := e.Client.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &e.Name, VersionStage: &stage, MoveToVersionId: &next, RemoveFromVersionId: &before,
	})
	if err == nil {
		return nil
	}
	// The reply to a call that succeeded may have been lost, and the SDK made the call
	// again.
	if _, version, readErr := fetch(context.WithoutCancel(ctx), e.Client, e.Name); readErr == nil && version == next {
		return nil
	}
	if _, moved := errors.AsType[*types.InvalidParameterException](err); moved {
		return ErrChanged
	}
	return fmt.Errorf("make the client secrets current: %w", err)
}

func (e *Editor) record(ctx context.Context, id, what string, outcome audit.Outcome) error {
	entry := e.Trail.Put(ctx, audit.Entry{
		Actor: e.Actor, Action: audit.UpstreamSecret, Object: contract.UpstreamPrefix.Of(id),
		Outcome: outcome, Detail: map[string]string{"client_secret": what},
	})
	if err := (dynamo.Tx{entry}).Run(ctx, e.DB); err != nil {
		return fmt.Errorf("record the change of a client secret: %w", err)
	}
	return nil
}
