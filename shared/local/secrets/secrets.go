// Package secrets is the Secrets Manager of the local stack.
//
// # Versions and rotation
//
// A secret of AWS is a set of versions. Labels tell what a version is for:
// AWSCURRENT marks the version to use, AWSPREVIOUS the version before it, and
// AWSPENDING a version that a rotation is making.
//
// A rotation calls a function in four steps: create a pending value, install it,
// test it, and move AWSCURRENT to it. A label moves in one step, so a reader
// always finds a current version.
//
// # The store
//
// [Store] keeps this model in one file and serves the JSON protocol of AWS, so
// functions use the AWS SDK as they do on AWS. A change is on disk before it is
// acknowledged. So a killed process loses no acknowledged change, and its file is
// complete.
//
// Store checks no permission. In the local stack a server in front of it does.
package secrets

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// The staging labels of AWS.
const (
	Current  = "AWSCURRENT"
	Previous = "AWSPREVIOUS"
	Pending  = "AWSPENDING"
)

// maxVersions is how many versions without a label a secret keeps. AWS deletes
// them too when there are too many.
const maxVersions = 20

// Store holds secrets. It is an [http.Handler] and safe for concurrent use.
type Store struct {
	path string
	// Now is the clock. It is [time.Now] unless a test sets it before use.
	Now func() time.Time
	// Log receives the errors of rotations that run in the background.
	Log *slog.Logger

	mu sync.Mutex
	// secrets are by name. An element never changes: change replaces it.
	secrets map[string]*secret
	// rotations are by the name of the secret. They come from the templates at
	// every start and are not stored.
	rotations map[string]*rotation
	// background counts the running rotations that RotateSecret started.
	background sync.WaitGroup
}

// secret is one secret in the file.
type secret struct {
	Name        string
	ARN         string
	Description string
	Created     time.Time
	Changed     time.Time
	// Rotated is zero until a rotation has succeeded.
	Rotated  time.Time
	Versions map[string]*version
}

// version is one value of a secret. A pending version has no value before the
// first step of the rotation: both String and Binary are nil.
type version struct {
	String  *string
	Binary  []byte
	Stages  []string
	Created time.Time
}

func (v *version) empty() bool { return v.String == nil && v.Binary == nil }

// Open reads the store from a file that only its owner may read. A missing file is
// an empty store. A broken file is an error: a new one would lose the keys with
// which existing data is encrypted or signed.
func Open(path string) (*Store, error) {
	s := &Store{
		path: path, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		secrets: map[string]*secret{}, rotations: map[string]*rotation{},
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the local secrets: %w", err)
	}
	if err := json.Unmarshal(data, &s.secrets); err != nil {
		return nil, fmt.Errorf("the file of local secrets %s is broken: %w", path, err)
	}
	for name, sec := range s.secrets {
		if sec == nil || sec.Name != name || sec.Versions == nil {
			return nil, fmt.Errorf("the file of local secrets %s is broken: secret %q is incomplete", path, name)
		}
	}
	return s, nil
}

// Ensure creates a secret of a template unless it exists, and reports whether it
// did. The first value of a new secret is generated, or the declared value. Ensure
// never changes the value of an existing secret.
func (s *Store) Ensure(declared cfn.Secret) (created bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.secrets[declared.Name]; ok {
		if old.ARN == declared.ARN && old.Description == declared.Description {
			return false, nil
		}
		return false, s.change(old, func(next *secret) error {
			next.ARN, next.Description = declared.ARN, declared.Description
			return nil
		})
	}
	value := declared.Value
	if declared.Generate != nil {
		generated, err := generate(*declared.Generate)
		if err != nil {
			return false, fmt.Errorf("generate secret %s: %w", declared.Name, err)
		}
		value = &generated
	}
	now := s.Now()
	sec := &secret{
		Name: declared.Name, ARN: declared.ARN, Description: declared.Description,
		Created: now, Changed: now, Versions: map[string]*version{},
	}
	if value != nil {
		sec.Versions[newToken()] = &version{String: value, Stages: []string{Current}, Created: now}
	}
	if err := s.save(sec); err != nil {
		return false, err
	}
	return true, nil
}

// find returns the secret with this name, this ARN, or this ARN without the last
// six characters. The caller holds mu.
func (s *Store) find(id string) (*secret, error) {
	if sec, ok := s.secrets[id]; ok {
		return sec, nil
	}
	for _, sec := range s.secrets {
		if id == sec.ARN || (len(sec.ARN) > 7 && id == sec.ARN[:len(sec.ARN)-7]) {
			return sec, nil
		}
	}
	return nil, notFound("Secrets Manager can't find the specified secret.")
}

// change calls edit with a copy of a secret and stores the copy. When it returns an
// error, nothing has changed. The caller holds mu.
func (s *Store) change(old *secret, edit func(*secret) error) error {
	next := *old
	next.Versions = make(map[string]*version, len(old.Versions))
	for id, v := range old.Versions {
		c := *v
		c.Stages = slices.Clone(v.Stages)
		next.Versions[id] = &c
	}
	if err := edit(&next); err != nil {
		return err
	}
	next.Changed = s.Now()
	next.prune()
	return s.save(&next)
}

// prune deletes the oldest versions without a label.
func (sec *secret) prune() {
	var bare []string
	for id, v := range sec.Versions {
		if len(v.Stages) == 0 {
			bare = append(bare, id)
		}
	}
	if len(bare) <= maxVersions {
		return
	}
	slices.SortFunc(bare, func(a, b string) int {
		if c := sec.Versions[a].Created.Compare(sec.Versions[b].Created); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	for _, id := range bare[:len(bare)-maxVersions] {
		delete(sec.Versions, id)
	}
}

// staged returns the version with a label, and its id.
func (sec *secret) staged(label string) (id string, v *version) {
	for id, v := range sec.Versions {
		if slices.Contains(v.Stages, label) {
			return id, v
		}
	}
	return "", nil
}

// move moves a label to a version. The version that loses AWSCURRENT gets
// AWSPREVIOUS.
func (sec *secret) move(label, id string) {
	from, old := sec.staged(label)
	if from == id {
		return
	}
	if old != nil {
		old.drop(label)
		if label == Current {
			sec.move(Previous, from)
		}
	}
	sec.Versions[id].Stages = append(sec.Versions[id].Stages, label)
}

func (v *version) drop(label string) {
	v.Stages = slices.DeleteFunc(v.Stages, func(s string) bool { return s == label })
}

// names returns the names of all secrets, sorted. The caller holds mu.
func (s *Store) names() []string { return slices.Sorted(maps.Keys(s.secrets)) }

// newToken returns a new id of a version: a random UUID, as AWS and its SDK use.
func newToken() string {
	var b [16]byte
	// rand.Read never returns an error; it ends the process instead.
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
