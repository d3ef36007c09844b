// Package secrets is the Secrets Manager of the local stack.
//
// A secret in AWS is not one value but a set of versions, and labels that say
// what each version is for. AWSCURRENT is the one to use, AWSPREVIOUS the one
// before, AWSPENDING one that is being made. A rotation is a conversation with
// a function in four steps around these labels: create a pending value, install
// it, test it, and move AWSCURRENT to it. Readers never notice, because a label
// moves in one step.
//
// Store keeps that model in one file and serves the JSON protocol of AWS over
// it, so that functions use the AWS SDK as they will when deployed. A change is
// on disk before it is answered; a killed process loses nothing that was
// acknowledged and finds no half-written file.
//
// Store does not ask who calls: package wall stands before it.
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

// The staging labels that AWS itself moves.
const (
	Current  = "AWSCURRENT"
	Previous = "AWSPREVIOUS"
	Pending  = "AWSPENDING"
)

// maxVersions is how many versions without a label a secret keeps. AWS forgets
// them as well when there are too many.
const maxVersions = 20

// Store holds secrets. It is an http.Handler and safe for concurrent use.
type Store struct {
	path string
	// Now is the clock, time.Now unless a test sets it before use.
	Now func() time.Time
	// Log takes what rotations in the background have to say.
	Log *slog.Logger

	mu sync.Mutex
	// secrets by name. An element is never changed: change replaces it.
	secrets map[string]*secret
	// rotations by name of the secret; they come from the templates at
	// every start and are not stored.
	rotations map[string]*rotation
	// background are the rotations that RotateSecret has started.
	background sync.WaitGroup
}

// secret is what the file holds of one secret.
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

// version is one value of a secret. A version that a rotation has announced has
// no value yet: both String and Binary are nil.
type version struct {
	String  *string
	Binary  []byte
	Stages  []string
	Created time.Time
}

func (v *version) empty() bool { return v.String == nil && v.Binary == nil }

// Open reads the store from a file, which only its owner may read. A missing
// file is an empty store; a broken one is an error, because starting over would
// lose the keys of everything that was encrypted or signed with them.
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

// Ensure makes a secret of a template exist. It reports true when the secret is
// new; then its first value is the literal of the template or generated, as AWS
// would. The values of an existing secret never change here.
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

// find returns the secret with this name, ARN, or ARN without its last six
// characters. The caller holds mu.
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

// change lets edit work on a copy of a secret and stores the copy. When edit or
// storing fails, nothing has changed. The caller holds mu.
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

// prune forgets the oldest versions that have no label.
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

// staged returns the version that carries a label, and its id.
func (sec *secret) staged(label string) (id string, v *version) {
	for id, v := range sec.Versions {
		if slices.Contains(v.Stages, label) {
			return id, v
		}
	}
	return "", nil
}

// move takes a label from the version that has it and gives it to version id.
// With AWSCURRENT, the version that loses it becomes AWSPREVIOUS.
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

// names are the names of all secrets, sorted. The caller holds mu.
func (s *Store) names() []string { return slices.Sorted(maps.Keys(s.secrets)) }

// newToken makes an id of a version in the form that AWS and its SDK use, a
// random UUID.
func newToken() string {
	var b [16]byte
	// crypto/rand never fails; it ends the process if it must.
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
