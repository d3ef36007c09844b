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

// The cost of a password hash. Of the recommendations of OWASP and RFC 9106 it is the
// one with the fewest passes: memory is scarce on cracking hardware, and a function has
// it unused. A record with other values is rehashed at the next sign-in.
const (
	memory = 46 * 1024 // KiB
	passes = 1
	lanes  = 1

	saltBytes = 16
	minSalt   = 8
	hashBytes = 32
)

// MaxPassword is the length of the longest password, in bytes. A password is used
// exactly as it was typed: it is not trimmed, truncated or normalized.
const MaxPassword = 1024

// Pepper is a key that goes into every password hash and is not in the table.
type Pepper struct {
	ID  string
	Key []byte
}

// ErrPepper is returned when there is no such pepper. A password that was stored under
// it cannot be checked any more: the user needs a new one.
var ErrPepper = errors.New("no such pepper")

// Peppers returns the pepper of an id, or [ErrPepper]. The id "" selects the one for new
// records. A stage with keys of the first release has none until its next rotation, and
// stores passwords without a pepper until then.
type Peppers func(ctx context.Context, id string) (Pepper, error)

// newest returns the pepper for new records, the zero Pepper for none.
func (p Peppers) newest(ctx context.Context) (Pepper, error) {
	newest, err := p(ctx, "")
	if errors.Is(err, ErrPepper) {
		return Pepper{}, nil
	}
	return newest, err
}

// record is a stored password in the PHC string format,
//
//	$argon2id$v=19$m=47104,t=1,p=1[,keyid=<pepper id>]$<salt>$<hash>
//
// with keyid, salt and hash in base64 without padding. A record without keyid was made
// without a pepper.
type record struct {
	memory, passes uint32
	lanes          uint8
	pepper         string
	salt, hash     []byte
}

const (
	recordPrefix = "$argon2id$v=19$"
	// The parameters that are read are bounded, so that a damaged record does not
	// exhaust the memory of the function.
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

// parseRecord accepts only the spelling that String writes.
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

// derive returns the hash of a password with the cost and the salt of r.
func (r *record) derive(password string, p Pepper) []byte {
	input := []byte(password)
	if p.ID != "" {
		mac := hmac.New(sha256.New, p.Key)
		mac.Write(input)
		input = mac.Sum(nil)
	}
	return argon2.IDKey(input, r.salt, r.passes, r.memory, r.lanes, hashBytes)
}

// current reports whether r has the cost and the pepper of a new record.
func (r *record) current(p Pepper) bool {
	return r.memory == memory && r.passes == passes && r.lanes == lanes && r.pepper == p.ID && len(r.salt) == saltBytes
}

// Hash returns the stored form of a new password: the value of [AttrPassword]. The
// caller has checked that the password is strong enough.
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

// Check reports whether u may sign in with a password, and whether the stored record is
// outdated, so that the caller should call [Store.Rehash]. It reports false for nil, a
// disabled user and a user without a password, after the same work.
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
