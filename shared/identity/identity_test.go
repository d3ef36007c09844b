package identity_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// bench is users in a real table, with peppers that tests change.
type bench struct {
	*identity.Store
	tb      testing.TB
	peppers []identity.Pepper // the newest last
	calls   []string
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	db, name := enginetest.DB(tb)
	b := &bench{tb: tb, peppers: []identity.Pepper{{ID: "PEPPER01", Key: []byte("first key of the stage")}}}
	b.Store = &identity.Store{
		Registry: name(contract.Registry),
		Peppers:  b.pepper,
		Trail:    &audit.Trail{Table: name(contract.Audit), Days: 30, Now: func(context.Context) time.Time { return noon }},
		Now:      func(context.Context) time.Time { return noon },
	}
	b.DB = dynamodb.New(db.Options(), func(o *dynamodb.Options) { o.HTTPClient = counter{o.HTTPClient, b} })
	return b
}

// counter records every call.
type counter struct {
	aws.HTTPClient
	b *bench
}

func (c counter) Do(r *http.Request) (*http.Response, error) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.b.calls = append(c.b.calls, op)
	return c.HTTPClient.Do(r)
}

func (b *bench) pepper(_ context.Context, id string) (identity.Pepper, error) {
	for i := len(b.peppers) - 1; i >= 0; i-- {
		if id == "" || b.peppers[i].ID == id {
			return b.peppers[i], nil
		}
	}
	return identity.Pepper{}, identity.ErrPepper
}

func (b *bench) put(it map[string]types.AttributeValue) {
	b.tb.Helper()
	if _, err := b.DB.PutItem(b.tb.Context(), &dynamodb.PutItemInput{TableName: &b.Registry, Item: it}); err != nil {
		b.tb.Fatal(err)
	}
}

// add stores a user with a password, none if it is empty, and returns what Find
// finds.
func (b *bench) add(name, password string, more ...func(map[string]types.AttributeValue)) *identity.User {
	b.tb.Helper()
	u := &identity.User{Subject: identity.NewSubject(noon), UserName: name, Revision: 1}
	it := identity.Encode(u)
	if password != "" {
		hash, err := b.Hash(b.tb.Context(), password)
		if err != nil {
			b.tb.Fatal(err)
		}
		it[identity.AttrPassword] = text(hash)
	}
	for _, change := range more {
		change(it)
	}
	b.put(it)
	b.put(identity.EncodeName(u))
	return b.find(name)
}

func (b *bench) find(name string) *identity.User {
	b.tb.Helper()
	u, err := b.Find(b.tb.Context(), name)
	if err != nil {
		b.tb.Fatalf("Find(%q) = %v", name, err)
	}
	return u
}

func (b *bench) item(u *identity.User) map[string]types.AttributeValue {
	b.tb.Helper()
	out, err := b.DB.GetItem(b.tb.Context(), &dynamodb.GetItemInput{TableName: &b.Registry, Key: dynamo.UserKey(u.Subject), ConsistentRead: new(true)})
	if err != nil {
		b.tb.Fatal(err)
	}
	return out.Item
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func str(v types.AttributeValue) string {
	s, _ := v.(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

func TestFind(t *testing.T) {
	b := newBench(t)
	ann := b.add("Ann", "a good password", func(it map[string]types.AttributeValue) {
		it["name"], it["email"] = text("Ann Example"), text("ann@example.com")
		it["auth_gen"] = &types.AttributeValueMemberN{Value: "3"}
		it["later"] = text("of a later release")
	})
	if ann.UserName != "Ann" || ann.Name != "Ann Example" || ann.Email != "ann@example.com" || ann.AuthGen != 3 ||
		ann.Disabled || ann.Revision != 1 || !ann.HasPassword() || !strings.HasPrefix(ann.Subject, "usr_") {
		t.Errorf("Find(Ann) = %+v, want what was stored", ann)
	}
	bob := b.add("bob", "")
	if bob.HasPassword() || bob.AuthGen != 0 {
		t.Errorf("Find(bob) = %+v, want no password and auth_gen 0", bob)
	}
	if again := b.find("aNN"); again.Subject != ann.Subject {
		t.Errorf("Find(aNN) = %s, want %s", again.Subject, ann.Subject)
	}
	if got, err := b.Get(t.Context(), ann.Subject); err != nil || got.UserName != "Ann" {
		t.Errorf("Get(%s) = %+v, %v, want Ann", ann.Subject, got, err)
	}
	for _, name := range []string{"nobody", "", "an n", "ann#user", strings.Repeat("a", 65), "\u212Aim", "ann\x00"} {
		if u, err := b.Find(t.Context(), name); !errors.Is(err, identity.ErrUnknown) {
			t.Errorf("Find(%q) = %+v, %v, want ErrUnknown", name, u, err)
		}
	}
	if u, err := b.Get(t.Context(), "usr_nobody"); !errors.Is(err, identity.ErrUnknown) {
		t.Errorf("Get(usr_nobody) = %+v, %v, want ErrUnknown", u, err)
	}
}

// Find makes the same calls for an unknown name as for a known one.
func TestFindMakesTheSameCallsForAnUnknownName(t *testing.T) {
	b := newBench(t)
	b.add("ann", "a good password")
	for _, name := range []string{"ann", "nobody"} {
		b.calls = nil
		_, _ = b.Find(t.Context(), name)
		if got := strings.Join(b.calls, " "); got != "GetItem GetItem" {
			t.Errorf("Find(%s) called %q, want two GetItem", name, got)
		}
	}
}

// Find returns ErrUnknown when the name item leads to a user with another name, or to no
// user.
func TestFindRefusesAnOutdatedName(t *testing.T) {
	b := newBench(t)
	ann := b.add("ann", "a good password")
	b.put(identity.EncodeName(&identity.User{UserName: "anna", Subject: ann.Subject}))
	b.put(identity.EncodeName(&identity.User{UserName: "gone", Subject: "usr_gone"}))
	for _, name := range []string{"anna", "gone"} {
		if u, err := b.Find(t.Context(), name); !errors.Is(err, identity.ErrUnknown) {
			t.Errorf("Find(%s) = %+v, %v, want ErrUnknown", name, u, err)
		}
	}
}

// A damaged item is an error, and never a user with fewer restrictions.
func TestDecodeRefuses(t *testing.T) {
	good := identity.Encode(&identity.User{Subject: "usr_1", UserName: "ann", Revision: 1})
	if _, err := identity.Decode(good); err != nil {
		t.Fatal(err)
	}
	tests := map[string]types.AttributeValue{
		dynamo.AttrDisabled:   text("true"),
		dynamo.AttrAuthGen:    text("1"),
		dynamo.AttrRevision:   nil,
		identity.AttrPassword: &types.AttributeValueMemberB{Value: []byte("$argon2id$")},
		"id":                  nil,
		"user_name":           nil,
	}
	for name, value := range tests {
		it := identity.Encode(&identity.User{Subject: "usr_1", UserName: "ann", Revision: 1})
		if it[name] = value; value == nil {
			delete(it, name)
		}
		if u, err := identity.Decode(it); err == nil {
			t.Errorf("Decode(%s = %v) = %+v, want an error", name, value, u)
		}
	}
}

func TestValidUserName(t *testing.T) {
	for _, name := range []string{"a", "Ann", "ann@example.com", "a.b_c+d-e", "0", strings.Repeat("z", 64)} {
		if !identity.ValidUserName(name) {
			t.Errorf("ValidUserName(%q) = false, want true", name)
		}
	}
	for _, name := range []string{"", " ", "a b", "a/b", "[", "{", "@`", "ä", "аnn", "a\n", strings.Repeat("z", 65)} {
		if identity.ValidUserName(name) {
			t.Errorf("ValidUserName(%q) = true, want false", name)
		}
	}
}
