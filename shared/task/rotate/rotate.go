// Package rotate is the task that rotates the keys. Secrets Manager calls it in four steps,
// the first time right after it created the secret:
//
//	createSecret  make the next document of keys, as the pending version
//	setSecret     publish its public halves, with an audit entry
//	testSecret    sign and verify with every pending key
//	finishSecret  make the pending version the current one
//
// Publishing precedes finishing, so that no process signs with a key that verifiers cannot
// find. Every step may run twice: the second run changes nothing.
package rotate

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/wire"
	wiredynamo "github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// The labels of a secret's versions.
const (
	currentStage = "AWSCURRENT"
	pendingStage = "AWSPENDING"
)

// New builds the task from its environment.
func New(e *wire.Env) (apigw.Task, error) {
	t := &Task{
		Secrets:  vault.Client(e),
		DB:       wiredynamo.Client(e),
		Registry: e.Name(contract.Registry),
		Trail:    &audit.Trail{Table: e.Name(contract.Audit), Days: e.AuditDays, Now: e.Now},
		Secret:   e.Name(contract.Keys),
		Now:      e.Now,
	}
	return t.Invoke, nil
}

// Task rotates the keys of one secret.
type Task struct {
	Secrets  *secretsmanager.Client
	DB       *dynamodb.Client
	Registry string
	Trail    *audit.Trail
	// Secret is the name of the only secret that the task uses.
	Secret string
	Now    func(context.Context) time.Time
}

// Event is the input from Secrets Manager.
type Event struct {
	Step     string `json:"Step"`
	SecretID string `json:"SecretId"`
	// Token is the id of the pending version.
	Token string `json:"ClientRequestToken"`
}

// Invoke runs one step.
func (t *Task) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e Event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("read the rotation event: %w", err)
	}
	if !names(e.SecretID, t.Secret) {
		return nil, errors.New("the rotation event is about another secret")
	}
	if err := t.step(ctx, e); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Step, err)
	}
	return []byte("{}"), nil
}

// names reports whether an ARN is that of the secret called name. Secrets Manager appends a
// hyphen and six characters.
func names(arn, name string) bool {
	_, after, ok := strings.Cut(arn, ":secret:")
	return ok && len(after) == len(name)+len("-123456") && strings.HasPrefix(after, name+"-")
}

func (t *Task) step(ctx context.Context, e Event) error {
	stages, err := t.stages(ctx, e.Token)
	if err != nil {
		return err
	}
	if stages[currentStage] == e.Token {
		return nil // done by an earlier run
	}
	switch e.Step {
	case "createSecret":
		return t.create(ctx, e.Token)
	case "setSecret":
		return t.publish(ctx, e.Token)
	case "testSecret":
		return t.test(ctx, e.Token)
	case "finishSecret":
		return t.finish(ctx, e.Token, stages[currentStage])
	default:
		return errors.New("unknown step")
	}
}

// stages returns the version of each label, and an error unless the token is the pending or
// current version.
func (t *Task) stages(ctx context.Context, token string) (map[string]string, error) {
	out, err := t.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &t.Secret})
	if err != nil {
		return nil, fmt.Errorf("describe the secret: %w", err)
	}
	versions := map[string]string{}
	for version, stages := range out.VersionIdsToStages {
		for _, stage := range stages {
			versions[stage] = version
		}
	}
	if versions[pendingStage] != token && versions[currentStage] != token {
		return nil, errors.New("the version of the event is not pending")
	}
	return versions, nil
}

// create stores the next document as the pending version, unless it exists.
func (t *Task) create(ctx context.Context, token string) error {
	_, err := t.document(ctx, pendingStage, &token)
	if _, absent := errors.AsType[*secrettypes.ResourceNotFoundException](err); !absent {
		return err
	}
	next, err := t.next(ctx)
	if err != nil {
		return err
	}
	data, err := next.Marshal()
	if err != nil {
		return err
	}
	text := string(data)
	_, err = t.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &t.Secret, ClientRequestToken: &token, SecretString: &text, VersionStages: []string{pendingStage},
	})
	if err != nil {
		return fmt.Errorf("store the pending keys: %w", err)
	}
	return nil
}

// next returns the document after the current one, or the first.
func (t *Task) next(ctx context.Context) (*keys.Document, error) {
	now, err := t.document(ctx, currentStage, nil)
	if errors.Is(err, keys.ErrUnborn) {
		return keys.Generate(t.Now(ctx))
	}
	if err != nil {
		return nil, err
	}
	return now.Advance(t.Now(ctx))
}

// document reads one version of the secret.
func (t *Task) document(ctx context.Context, stage string, version *string) (*keys.Document, error) {
	out, err := t.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: &t.Secret, VersionStage: &stage, VersionId: version,
	})
	if err != nil {
		return nil, fmt.Errorf("read the %s keys: %w", stage, err)
	}
	if out.SecretString == nil {
		return nil, errors.New("the secret is not text")
	}
	return keys.Parse([]byte(*out.SecretString))
}

// publish writes the public halves and the audit entry in one transaction. The version
// determines the id of the entry, so that a second run finds it.
func (t *Task) publish(ctx context.Context, token string) error {
	pending, err := t.document(ctx, pendingStage, &token)
	if err != nil {
		return err
	}
	publics, err := pending.Public()
	if err != nil {
		return err
	}
	tx := dynamo.Tx{t.Trail.Put(ctx, audit.Entry{
		ID:      entryID(pending, token),
		Actor:   "secretsmanager",
		Action:  audit.KeyRotate,
		Object:  contract.SecretPrefix.Of(string(contract.Keys)),
		Outcome: audit.Success,
		Detail:  map[string]string{"version": token},
	})}
	for _, p := range publics {
		tx = append(tx, published.Put(t.Registry, p))
	}
	err = tx.Run(ctx, t.DB)
	if errors.Is(err, audit.ErrRecorded) {
		return nil // by an earlier run
	}
	if err != nil {
		return fmt.Errorf("publish the keys: %w", err)
	}
	return nil
}

// test signs and verifies with each pending key.
func (t *Task) test(ctx context.Context, token string) error {
	pending, err := t.document(ctx, pendingStage, &token)
	if err != nil {
		return err
	}
	return pending.Test()
}

// finish moves the label of the current version.
func (t *Task) finish(ctx context.Context, token, from string) error {
	stage := currentStage
	in := &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &t.Secret, VersionStage: &stage, MoveToVersionId: &token,
	}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	if _, err := t.Secrets.UpdateSecretVersionStage(ctx, in); err != nil {
		return fmt.Errorf("make the pending keys current: %w", err)
	}
	return nil
}

// entryID is the same in every run for the same version: its time is that of the newest key,
// and the version determines the rest.
func entryID(d *keys.Document, token string) ulid.ULID {
	var id ulid.ULID
	sum := sha256.Sum256([]byte(token))
	copy(id[6:], sum[:])
	_ = id.SetTime(ulid.Timestamp(d.Newest())) // fails after the year 10889
	return id
}
