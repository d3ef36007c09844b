package identity_test

import (
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/crypto/argon2"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

const good = "a good password of ann"

func TestHash(t *testing.T) {
	b := newBench(t)
	hash, err := b.Hash(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	keyID := base64.RawStdEncoding.EncodeToString([]byte("PEPPER01"))
	want := regexp.MustCompile(`^\$argon2id\$v=19\$m=47104,t=1,p=1,keyid=` + keyID + `\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	if !want.MatchString(hash) {
		t.Errorf("Hash = %q, want it to match %s", hash, want)
	}
	if again, err := b.Hash(t.Context(), good); err != nil || again == hash {
		t.Errorf("Hash twice = %q and %q, %v, want another salt", hash, again, err)
	}
	b.peppers = nil
	if bare, err := b.Hash(t.Context(), good); err != nil || strings.Contains(bare, "keyid") {
		t.Errorf("Hash in a stage without pepper = %q, %v, want none", bare, err)
	}
}

func TestCheck(t *testing.T) {
	b := newBench(t)
	ann := b.add("ann", good)
	bob := b.add("bob", "")
	eve := b.add("eve", good, func(it map[string]types.AttributeValue) {
		it[dynamo.AttrDisabled] = &types.AttributeValueMemberBOOL{Value: true}
	})
	long := b.add("long", strings.Repeat("x", identity.MaxPassword))
	longer := b.add("longer", strings.Repeat("x", identity.MaxPassword+1))
	empty := b.add("empty", "", func(it map[string]types.AttributeValue) {
		it[identity.AttrPassword] = text(record(t, "", 46*1024, 1, "the salt of empty", ""))
	})
	tests := []struct {
		name     string
		user     *identity.User
		password string
		want     bool
	}{
		{"right", ann, good, true},
		{"wrong", ann, "a good password of eve", false},
		{"other case", ann, strings.ToUpper(good), false},
		{"beginning", ann, good[:len(good)-1], false},
		{"a space more", ann, good + " ", false},
		{"empty", ann, "", false},
		{"no user", nil, good, false},
		{"no user, empty", nil, "", false},
		{"no password", bob, good, false},
		{"no password, empty", bob, "", false},
		{"disabled", eve, good, false},
		{"longest", long, strings.Repeat("x", 1024), true},
		{"too long", longer, strings.Repeat("x", 1025), false},
		{"kept empty", empty, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ok, rehash, err := b.Check(t.Context(), tt.user, tt.password)
			if ok != tt.want || rehash || err != nil {
				t.Errorf("Check(%.30q) = %v, %v, %v, want %v, false, nil", tt.password, ok, rehash, err, tt.want)
			}
		})
	}
}

// record makes a record independently of the package, from pepper id, cost and salt.
func record(t *testing.T, password string, memory, passes uint32, salt, keyID string) string {
	t.Helper()
	hash := argon2.IDKey([]byte(password), []byte(salt), passes, memory, 1, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	cost := map[uint32]string{46 * 1024: "47104", 19 * 1024: "19456"}[memory]
	n := map[uint32]string{1: "1", 2: "2"}[passes]
	if keyID != "" {
		keyID = ",keyid=" + b64([]byte(keyID))
	}
	return "$argon2id$v=19$m=" + cost + ",t=" + n + ",p=1" + keyID + "$" + b64([]byte(salt)) + "$" + b64(hash)
}

// A record with an older cost, an older pepper or none is accepted, and is stored in the
// current form afterwards. The table alone never confirms a password.
func TestRehash(t *testing.T) {
	tests := []struct {
		name   string
		stored func(b *bench) string
	}{
		{"older cost, no pepper", func(*bench) string { return record(t, good, 19*1024, 2, "sixteen bytes ok", "") }},
		{"shorter salt, no pepper", func(*bench) string { return record(t, good, 46*1024, 1, "8 bytes!", "") }},
		{"older pepper", func(b *bench) string {
			hash, err := b.Hash(t.Context(), good)
			if err != nil {
				t.Fatal(err)
			}
			b.peppers = append(b.peppers, identity.Pepper{ID: "PEPPER02", Key: []byte("second key of the stage")})
			return hash
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			stored := tt.stored(b)
			ann := b.add("ann", "", func(it map[string]types.AttributeValue) { it[identity.AttrPassword] = text(stored) })
			if ok, rehash, err := b.Check(t.Context(), ann, "another password"); ok || rehash || err != nil {
				t.Errorf("Check(wrong) = %v, %v, %v, want false and no rehash", ok, rehash, err)
			}
			if ok, rehash, err := b.Check(t.Context(), ann, good); !ok || !rehash || err != nil {
				t.Fatalf("Check(right) = %v, %v, %v, want it good and due for a rehash", ok, rehash, err)
			}
			if err := b.Rehash(t.Context(), ann, good, "request-1"); err != nil {
				t.Fatal(err)
			}
			after := b.find("ann")
			if ok, rehash, err := b.Check(t.Context(), after, good); !ok || rehash || err != nil {
				t.Errorf("Check after Rehash = %v, %v, %v, want it good and of today", ok, rehash, err)
			}
			if after.AuthGen != ann.AuthGen || after.Revision != ann.Revision {
				t.Errorf("user after Rehash = %+v, want auth_gen and revision of %+v", after, ann)
			}
			trail, err := b.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.Trail.Table})
			if err != nil || len(trail.Items) != 1 || str(trail.Items[0]["action"]) != "user.rehash" || str(trail.Items[0]["request"]) != "request-1" {
				t.Errorf("trail = %v, %v, want one user.rehash", trail.Items, err)
			}

			// A late second Rehash changes nothing.
			before := str(b.item(ann)[identity.AttrPassword])
			if err := b.Rehash(t.Context(), ann, good, "request-2"); err != nil {
				t.Errorf("second Rehash = %v, want nil", err)
			}
			if now := str(b.item(ann)[identity.AttrPassword]); now != before {
				t.Errorf("second Rehash replaced %q by %q", before, now)
			}
		})
	}
}

// A missing pepper is an error and not a wrong password, and so are keys that cannot be
// read.
func TestAMissingPepperIsAnError(t *testing.T) {
	b := newBench(t)
	ann := b.add("ann", good)
	b.peppers = []identity.Pepper{{ID: "PEPPER02", Key: []byte("another key")}}
	if ok, _, err := b.Check(t.Context(), ann, good); ok || !errors.Is(err, identity.ErrPepper) {
		t.Errorf("Check without its pepper = %v, %v, want ErrPepper", ok, err)
	}
	outage := errors.New("no keys")
	b.Peppers = func(context.Context, string) (identity.Pepper, error) { return identity.Pepper{}, outage }
	if ok, _, err := b.Check(t.Context(), nil, good); ok || !errors.Is(err, outage) {
		t.Errorf("Check without keys = %v, %v, want the error", ok, err)
	}
	if hash, err := b.Hash(t.Context(), good); hash != "" || !errors.Is(err, outage) {
		t.Errorf("Hash without keys = %q, %v, want the error", hash, err)
	}
}

// kept returns a user item with a password.
func kept(password string) map[string]types.AttributeValue {
	it := identity.Encode(&identity.User{Subject: "usr_1", UserName: "ann", Revision: 1})
	it[identity.AttrPassword] = text(password)
	return it
}

const (
	salt = "AAAAAAAAAAAAAAAAAAAAAA"
	hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// A record has one spelling, and a damaged one does not exhaust the memory.
func TestDecodePassword(t *testing.T) {
	tests := []struct {
		name, record string
		want         bool
	}{
		{"ours", "$argon2id$v=19$m=47104,t=1,p=1,keyid=UEVQUEVSMDE$" + salt + "$" + hash, true},
		{"no pepper", "$argon2id$v=19$m=47104,t=1,p=1$" + salt + "$" + hash, true},
		{"another cost", "$argon2id$v=19$m=19456,t=2,p=2$" + salt + "$" + hash, true},
		{"empty", "", false},
		{"another function", "$argon2i$v=19$m=47104,t=1,p=1$" + salt + "$" + hash, false},
		{"another version", "$argon2id$v=16$m=47104,t=1,p=1$" + salt + "$" + hash, false},
		{"too much memory", "$argon2id$v=19$m=262145,t=1,p=1$" + salt + "$" + hash, false},
		{"too many passes", "$argon2id$v=19$m=47104,t=17,p=1$" + salt + "$" + hash, false},
		{"no pass", "$argon2id$v=19$m=47104,t=0,p=1$" + salt + "$" + hash, false},
		{"too many lanes", "$argon2id$v=19$m=47104,t=1,p=9$" + salt + "$" + hash, false},
		{"a zero in front", "$argon2id$v=19$m=047104,t=1,p=1$" + salt + "$" + hash, false},
		{"other order", "$argon2id$v=19$t=1,m=47104,p=1$" + salt + "$" + hash, false},
		{"empty pepper", "$argon2id$v=19$m=47104,t=1,p=1,keyid=$" + salt + "$" + hash, false},
		{"more values", "$argon2id$v=19$m=47104,t=1,p=1,keyid=UEVQ,data=UEVQ$" + salt + "$" + hash, false},
		{"short salt", "$argon2id$v=19$m=47104,t=1,p=1$AAAAAAAAAA$" + hash, false},
		{"short hash", "$argon2id$v=19$m=47104,t=1,p=1$" + salt + "$" + salt, false},
		{"padded", "$argon2id$v=19$m=47104,t=1,p=1$" + salt + "==$" + hash, false},
		{"bits left over", "$argon2id$v=19$m=47104,t=1,p=1$" + salt + "$" + hash[1:] + "B", false},
		{"something behind", "$argon2id$v=19$m=47104,t=1,p=1$" + salt + "$" + hash + "$", false},
	}
	for _, tt := range tests {
		if u, err := identity.Decode(kept(tt.record)); (err == nil) != tt.want {
			t.Errorf("%s: Decode(password %q) = %+v, %v, want accepted %v", tt.name, tt.record, u, err, tt.want)
		}
	}
}

func FuzzDecodePassword(f *testing.F) {
	f.Add("$argon2id$v=19$m=47104,t=1,p=1,keyid=UEVQUEVSMDE$" + salt + "$" + hash)
	f.Add("$argon2id$v=19$m=4294967296,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, record string) {
		u, err := identity.Decode(kept(record))
		if (err == nil) != (u != nil) || err == nil && !u.HasPassword() {
			t.Errorf("Decode(password %q) = %+v, %v, want a user with a password or an error", record, u, err)
		}
	})
}

// The time of a sign-in with an unknown name against that with a known one, in turns, so
// that the load of the machine affects both alike. The benchmark reports the difference
// of the medians in percent; run it with -benchtime 200x.
func BenchmarkKnownAgainstUnknown(bm *testing.B) {
	b := newBench(bm)
	b.add("ann", good)
	var known, unknown []time.Duration
	try := func(name string) time.Duration {
		began := time.Now()
		u, err := b.Find(bm.Context(), name)
		if err != nil && !errors.Is(err, identity.ErrUnknown) {
			bm.Fatal(err)
		}
		if ok, _, err := b.Check(bm.Context(), u, "not the password"); ok || err != nil {
			bm.Fatalf("Check(%s) = %v, %v, want false", name, ok, err)
		}
		return time.Since(began)
	}
	try("ann")
	for bm.Loop() {
		known = append(known, try("ann"))
		unknown = append(unknown, try("nobody"))
	}
	slices.Sort(known)
	slices.Sort(unknown)
	k, u := known[len(known)/2], unknown[len(unknown)/2]
	bm.ReportMetric(float64(k.Microseconds())/1000, "known-ms")
	bm.ReportMetric(float64(u.Microseconds())/1000, "unknown-ms")
	bm.ReportMetric(100*(float64(k)/float64(u)-1), "difference-%")
}
