package secrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// Invoke invokes a rotation function with an event and returns its answer. A failure
// of the function is an error.
type Invoke func(ctx context.Context, event []byte) ([]byte, error)

// rotation is the rotation of one secret.
type rotation struct {
	cfn.Rotation
	invoke Invoke
	// running holds one element while the rotation runs.
	running chan struct{}
}

// steps are the steps of a rotation, in order.
var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// event is what Secrets Manager sends to a rotation function.
type event struct {
	Step               string
	SecretID           string `json:"SecretId"`
	ClientRequestToken string
}

// ErrRotating is returned when another rotation of the secret is running.
var ErrRotating = errors.New("a rotation of this secret is already running")

// Schedule attaches a rotation to its secret. Then [Store.Rotate] and the operation
// RotateSecret can rotate it. The store does not start a rotation by itself, also
// when its days have passed.
func (s *Store) Schedule(r cfn.Rotation, invoke Invoke) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.find(r.Secret)
	if err != nil {
		return fmt.Errorf("schedule the rotation of %s: %w", r.Secret, err)
	}
	s.rotations[sec.Name] = &rotation{Rotation: r, invoke: invoke, running: make(chan struct{}, 1)}
	return nil
}

// Rotate rotates a secret and returns when its new value is AWSCURRENT. When a step
// fails, the rotation ends: AWSCURRENT does not move and the pending version
// stays. The next rotation repeats all steps with the same version, as on AWS.
//
// One rotation of a secret runs at a time. A second one gets [ErrRotating].
func (s *Store) Rotate(ctx context.Context, id string) error {
	r, token, err := s.begin(id, "")
	if err != nil {
		return fmt.Errorf("rotate secret %s: %w", id, err)
	}
	return s.finish(ctx, r, token)
}

// begin reserves the rotation and creates the pending version. It returns the id of
// that version. wish is the id for a new pending version, or empty.
func (s *Store) begin(id, wish string) (r *rotation, token string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.find(id)
	if err != nil {
		return nil, "", err
	}
	r = s.rotations[sec.Name]
	if r == nil {
		return nil, "", invalidRequest("No Lambda rotation function ARN is associated with this secret.")
	}
	select {
	case r.running <- struct{}{}:
	default:
		return nil, "", ErrRotating
	}
	token, err = s.pending(sec, wish)
	if err != nil {
		<-r.running
	}
	return r, token, err
}

// pending returns the pending version of an unfinished rotation. When there is none,
// it creates one without a value.
func (s *Store) pending(sec *secret, wish string) (token string, err error) {
	token, v := sec.staged(Pending)
	if v != nil && !slices.Contains(v.Stages, Current) {
		return token, nil
	}
	if token = wish; token == "" {
		token = newToken()
	}
	if sec.Versions[token] != nil {
		return "", exists("A version with this ClientRequestToken already exists.")
	}
	return token, s.change(sec, func(next *secret) error {
		next.Versions[token] = &version{Created: s.Now()}
		next.move(Pending, token)
		return nil
	})
}

// finish runs the steps of a rotation that has begun.
func (s *Store) finish(ctx context.Context, r *rotation, token string) error {
	defer func() { <-r.running }()
	for _, step := range steps {
		payload, err := json.Marshal(event{Step: step, SecretID: r.Secret, ClientRequestToken: token})
		if err != nil {
			return fmt.Errorf("encode the event of %s: %w", step, err)
		}
		if _, err := r.invoke(ctx, payload); err != nil {
			return fmt.Errorf("rotate secret %s, step %s: %w", r.Secret, step, err)
		}
	}
	return s.complete(r.Secret, token)
}

// complete checks that the function moved AWSCURRENT, and stores the date.
func (s *Store) complete(id, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.find(id)
	if err != nil {
		return fmt.Errorf("rotate secret %s: %w", id, err)
	}
	if current, _ := sec.staged(Current); current != token {
		return fmt.Errorf("rotate secret %s: finishSecret succeeded without moving %s to version %s", id, Current, token)
	}
	return s.change(sec, func(next *secret) error {
		next.Rotated = s.Now()
		return nil
	})
}

type rotateInput struct {
	SecretID           string `json:"SecretId"`
	ClientRequestToken string
	RotateImmediately  *bool
}

type rotateOutput struct {
	ARN, Name string
	VersionID string `json:"VersionId,omitempty"`
}

// rotateSecret starts a rotation and answers before it has ended, as AWS does.
func (s *Store) rotateSecret(in rotateInput) (rotateOutput, error) {
	s.mu.Lock()
	sec, err := s.find(in.SecretID)
	s.mu.Unlock()
	if err != nil {
		return rotateOutput{}, err
	}
	out := rotateOutput{ARN: sec.ARN, Name: sec.Name}
	if in.RotateImmediately != nil && !*in.RotateImmediately {
		return out, nil
	}
	r, token, err := s.begin(sec.Name, in.ClientRequestToken)
	if errors.Is(err, ErrRotating) {
		return out, invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.")
	}
	if err != nil {
		return out, err
	}
	out.VersionID = token
	s.background.Go(func() {
		if err := s.finish(context.Background(), r, token); err != nil {
			s.Log.Error("a rotation failed; the next one repeats its steps", "error", err)
		}
	})
	return out, nil
}

// Wait returns when all rotations that RotateSecret started have ended.
func (s *Store) Wait() { s.background.Wait() }
