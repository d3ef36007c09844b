package secrets_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
)

// rotator is a rotation function. It uses the SDK, as the real function does.
type rotator struct {
	sm *secretsmanager.Client
	// failAt is the step that fails. lazy makes finishSecret succeed without doing
	// anything.
	failAt string
	lazy   bool
	// createSecret waits for block unless it is nil.
	block  chan struct{}
	events []map[string]string
}

func (r *rotator) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e map[string]string
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	r.events = append(r.events, e)
	if r.block != nil {
		<-r.block
	}
	if e["Step"] == r.failAt {
		return nil, errors.New("the function failed")
	}
	switch e["Step"] {
	case "createSecret":
		return nil, r.create(ctx, e["SecretId"], e["ClientRequestToken"])
	case "finishSecret":
		return nil, r.finish(ctx, e["SecretId"], e["ClientRequestToken"])
	}
	return nil, nil
}

// create writes the pending value unless an earlier attempt did.
func (r *rotator) create(ctx context.Context, id, token string) error {
	_, err := r.sm.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id, VersionId: &token, VersionStage: new("AWSPENDING")})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); !missing {
		return err
	}
	_, err = r.sm.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &id, ClientRequestToken: &token, SecretString: new("made for " + token), VersionStages: []string{"AWSPENDING"},
	})
	return err
}

func (r *rotator) finish(ctx context.Context, id, token string) error {
	if r.lazy {
		return nil
	}
	d, err := r.sm.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	if err != nil {
		return err
	}
	for version, labels := range d.VersionIdsToStages {
		if slices.Contains(labels, "AWSCURRENT") {
			_, err = r.sm.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: &id, VersionStage: new("AWSCURRENT"), MoveToVersionId: &token, RemoveFromVersionId: &version,
			})
		}
	}
	return err
}

// scheduled returns a rotator, and a store with a secret that it rotates.
func scheduled(t *testing.T) (*secrets.Store, *rotator) {
	t.Helper()
	store, _ := open(t)
	r := &rotator{sm: client(t, store)}
	err := store.Schedule(cfn.Rotation{Secret: declared.ARN, Function: "turn", FunctionARN: cfn.Local.FunctionARN("turn"), Days: 30}, r.invoke)
	if err != nil {
		t.Fatal(err)
	}
	return store, r
}

func TestRotationMakesANewCurrentValue(t *testing.T) {
	store, r := scheduled(t)
	first := get(t, r.sm, "")
	for range 2 {
		before := get(t, r.sm, "")
		r.events = nil
		if err := store.Rotate(t.Context(), keys); err != nil {
			t.Fatal(err)
		}
		token := r.events[0]["ClientRequestToken"]
		var want []map[string]string
		for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
			want = append(want, map[string]string{"Step": step, "SecretId": declared.ARN, "ClientRequestToken": token})
		}
		if !reflect.DeepEqual(r.events, want) {
			t.Errorf("events = %v\nwant %v", r.events, want)
		}
		if now, previous := get(t, r.sm, ""), get(t, r.sm, "AWSPREVIOUS"); now != "made for "+token || previous != before {
			t.Errorf("current and previous = %q, %q; want the new value and %q", now, previous, before)
		}
	}
	if get(t, r.sm, "") == first {
		t.Error("two rotations have not changed the value")
	}
	d, err := r.sm.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: new(keys)})
	if err != nil {
		t.Fatal(err)
	}
	if !aws.ToBool(d.RotationEnabled) || aws.ToString(d.RotationLambdaARN) != cfn.Local.FunctionARN("turn") ||
		d.RotationRules == nil || aws.ToInt64(d.RotationRules.AutomaticallyAfterDays) != 30 || d.LastRotatedDate == nil {
		t.Errorf("DescribeSecret = %+v, want the rotation of 30 days by turn and its date", d)
	}
}

// The next rotation continues with the same version.
func TestFailedRotationKeepsTheCurrentValue(t *testing.T) {
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		t.Run(step, func(t *testing.T) {
			store, r := scheduled(t)
			before := get(t, r.sm, "")
			r.failAt = step
			err := store.Rotate(t.Context(), keys)
			if err == nil || !strings.Contains(err.Error(), step) {
				t.Fatalf("Rotate = %v, want an error that names %s", err, step)
			}
			if now := get(t, r.sm, ""); now != before {
				t.Errorf("current value = %q, want it unchanged", now)
			}
			token := r.events[0]["ClientRequestToken"]
			if labels := stages(t, r.sm)[token]; !slices.Equal(labels, []string{"AWSPENDING"}) {
				t.Errorf("labels of the pending version = %v, want AWSPENDING", labels)
			}
			r.failAt = ""
			if err := store.Rotate(t.Context(), keys); err != nil {
				t.Fatal(err)
			}
			if now := get(t, r.sm, ""); now != "made for "+token {
				t.Errorf("value after the second attempt = %q, want the one made for %s", now, token)
			}
		})
	}
}

func TestRotationThatDoesNotMoveTheLabelFails(t *testing.T) {
	store, r := scheduled(t)
	r.lazy = true
	if err := store.Rotate(t.Context(), keys); err == nil || !strings.Contains(err.Error(), "without moving AWSCURRENT") {
		t.Errorf("Rotate with an idle finishSecret = %v, want an error", err)
	}
}

func TestSecretWithoutAScheduleDoesNotRotate(t *testing.T) {
	store, _ := open(t)
	if err := store.Rotate(t.Context(), keys); err == nil {
		t.Error("Rotate without a schedule succeeds, want an error")
	}
	if err := store.Schedule(cfn.Rotation{Secret: "arn:nope"}, nil); err == nil {
		t.Error("Schedule for an unknown secret succeeds, want an error")
	}
	_, err := client(t, store).RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: new(keys)})
	if code(err) != "InvalidRequestException" {
		t.Errorf("RotateSecret without a schedule = %v, want InvalidRequestException", err)
	}
}

func TestRotateSecretAnswersAtOnceAndRunsOnce(t *testing.T) {
	store, r := scheduled(t)
	r.block = make(chan struct{})
	out, err := r.sm.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: new(keys)})
	if err != nil {
		t.Fatal(err)
	}
	token := aws.ToString(out.VersionId)
	if err := store.Rotate(t.Context(), keys); !errors.Is(err, secrets.ErrRotating) {
		t.Errorf("Rotate during a rotation = %v, want ErrRotating", err)
	}
	_, err = r.sm.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: new(keys)})
	if code(err) != "InvalidRequestException" {
		t.Errorf("RotateSecret during a rotation = %v, want InvalidRequestException", err)
	}
	_, err = r.sm.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: new(keys), VersionId: &token})
	if code(err) != "ResourceNotFoundException" {
		t.Errorf("GetSecretValue of the announced version = %v, want ResourceNotFoundException", err)
	}
	close(r.block)
	store.Wait()
	if now := get(t, r.sm, ""); now != "made for "+token {
		t.Errorf("value after RotateSecret = %q, want the one made for %s", now, token)
	}
	if _, err := r.sm.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: new(keys), RotateImmediately: new(false)}); err != nil {
		t.Errorf("RotateSecret later = %v, want nil", err)
	}
	if n := len(r.events); n != 4 {
		t.Errorf("%d events, want the 4 of one rotation", n)
	}
}

func TestOldestVersionsWithoutALabelAreDeleted(t *testing.T) {
	store, r := scheduled(t)
	clock := time.Now().Add(time.Minute)
	store.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
	var ids []string
	for range 30 {
		out, err := r.sm.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: new(keys), SecretString: new("v")})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, aws.ToString(out.VersionId))
	}
	var kept []bool
	for _, id := range ids {
		_, err := r.sm.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: new(keys), VersionId: &id})
		kept = append(kept, err == nil)
	}
	want := append(slices.Repeat([]bool{false}, 8), slices.Repeat([]bool{true}, 22)...)
	if !slices.Equal(kept, want) {
		t.Errorf("kept of 30 versions: %v, want the last 22", kept)
	}
}
