package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a password, of the recommendations of OWASP and RFC 9106 the one
// that makes the fewest passes: memory is what a cracker's hardware lacks, and a
// function has it idle. A record with other values is rehashed at the next
// sign-in.
const (
	memory = 46 * 1024 // KiB
	passes = 1
	lanes  = 1

	saltBytes = 16
	minSalt   = 8
	hashBytes = 32
)

// MaxPassword is the length of the longest password, in bytes. A password is
// used exactly as it was typed: not trimmed, not cut, not normalized.
const MaxPassword = 1024

// Pepper is a key that goes into every password and is not in the table.
type Pepper struct {
	ID  string
	Key []byte
}

// ErrPepper says that there is no such pepper. A password that was kept under it
// cannot be checked any more: the person needs a new one.
var ErrPepper = errors.New("no such pepper")

// Peppers returns the pepper of an id, or ErrPepper. The id "" asks for the one
// of new records. A stage whose keys are of the first release has none of these
// until its next rotation; passwords are kept without one until then.
type Peppers func(ctx context.Context, id string) (Pepper, error)

// newest returns the pepper of new records, the zero Pepper for none.
func (p Peppers) newest(ctx context.Context) (Pepper, error) {
	newest, err := p(ctx, "")
	if errors.Is(err, ErrPepper) {
		return Pepper{}, nil
	}
	return newest, err
}

// record is a kept password in the PHC string format,
//
//	$argon2id$v=19$m=47104,t=1,p=1[,keyid=<pepper id>]$<salt>$<hash>
//
// with keyid, salt and hash in base64 without padding. Without keyid it was
// made without a pepper.
type record struct {
	memory, passes uint32
	lanes          uint8
	pepper         string
	salt, hash     []byte
}

const (
	recordPrefix = "$argon2id$v=19$"
	// What is read is bounded, so that a damaged record does not take the
	// memory of the function.
	maxMemory = 256 * 1024
	maxPasses = 16
	maxLanes  = 8
)

var encoding = base64.RawStdEncoding.Strict()

func (r *record) String() string {
	keyID := ""
	if r.pepper != "" {
		keyID = ",keyid=" + encoding.EncodeToString([]byte(r.pepper))
	}
	return fmt.Sprintf("%sm=%d,t=%d,p=%d%s$%s$%s", recordPrefix, r.memory, r.passes, r.lanes, keyID,
		encoding.EncodeToString(r.salt), encoding.EncodeToString(r.hash))
}

// parseRecord accepts the one spelling that String writes.
func parseRecord(s string) (*record, bool) {
	rest, ok := strings.CutPrefix(s, recordPrefix)
	parts := strings.Split(rest, "$")
	if !ok || len(parts) != 3 {
		return nil, false
	}
	values := strings.Split(parts[0], ",")
	if len(values) < 3 || len(values) > 4 {
		return nil, false
	}
	m, ok1 := parameter(values[0], "m=", maxMemory)
	t, ok2 := parameter(values[1], "t=", maxPasses)
	p, ok3 := parameter(values[2], "p=", maxLanes)
	if !ok1 || !ok2 || !ok3 {
		return nil, false
	}
	r := &record{memory: m, passes: t, lanes: uint8(p)} //nolint:gosec // G115: at most maxLanes
	if len(values) == 4 {
		keyID, ok := strings.CutPrefix(values[3], "keyid=")
		id, err := encoding.DecodeString(keyID)
		if !ok || err != nil || len(id) == 0 {
			return nil, false
		}
		r.pepper = string(id)
	}
	var err1, err2 error
	r.salt, err1 = encoding.DecodeString(parts[1])
	r.hash, err2 = encoding.DecodeString(parts[2])
	return r, err1 == nil && err2 == nil && len(r.salt) >= minSalt && len(r.hash) == hashBytes && r.String() == s
}

func parameter(s, name string, limit uint32) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, name)
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), ok && err == nil && n > 0 && n <= uint64(limit)
}

// derive is the hash of a password with the cost and the salt of r.
func (r *record) derive(password string, p Pepper) []byte {
	input := []byte(password)
	if p.ID != "" {
		mac := hmac.New(sha256.New, p.Key)
		mac.Write(input)
		input = mac.Sum(nil)
	}
	return argon2.IDKey(input, r.salt, r.passes, r.memory, r.lanes, hashBytes)
}

// current reports whether r is as a new record would be.
func (r *record) current(p Pepper) bool {
	return r.memory == memory && r.passes == passes && r.lanes == lanes && r.pepper == p.ID && len(r.salt) == saltBytes
}

// Hash returns what is kept of a new password: the value of AttrPassword. That
// the password is a good one is for the caller to know.
func (s *Store) Hash(ctx context.Context, password string) (string, error) {
	p, err := s.Peppers.newest(ctx)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	r := &record{memory: memory, passes: passes, lanes: lanes, pepper: p.ID, salt: make([]byte, saltBytes)}
	_, _ = rand.Read(r.salt) // never an error: it ends the process instead
	r.hash = r.derive(password, p)
	return r.String(), nil
}

// Check reports whether u may sign in with a password, and whether the kept
// record is older than our rules, so that Rehash should follow. Nobody (nil),
// the disabled and those without a password never may; the work for them is
// the same.
func (s *Store) Check(ctx context.Context, u *User, password string) (ok, rehash bool, err error) {
	p, err := s.Peppers.newest(ctx)
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	r := &record{memory: memory, passes: passes, lanes: lanes, pepper: p.ID, salt: make([]byte, saltBytes), hash: make([]byte, hashBytes)}
	usable := 0
	if u != nil && u.password != nil {
		r = u.password
		if !u.Disabled && password != "" && len(password) <= MaxPassword {
			usable = 1
		}
	}
	with := p
	if r.pepper != p.ID {
		with = Pepper{}
		if r.pepper != "" {
			if with, err = s.Peppers(ctx, r.pepper); err != nil {
				return false, false, fmt.Errorf("check the password of %s: %w", u.Subject, err)
			}
		}
	}
	same := subtle.ConstantTimeCompare(r.derive(password, with), r.hash)
	if same&usable == 0 {
		return false, false, nil
	}
	return true, !r.current(p), nil
}
