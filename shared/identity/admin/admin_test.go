package admin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// bench is a store over real tables.
type bench struct {
	*admin.Store
	t        *testing.T
	sessions *session.Store
}

func newBench(t *testing.T) bench {
	t.Helper()
	db, name := enginetest.DB(t)
	now := func(context.Context) time.Time { return time.Now() }
	trail := &audit.Trail{Table: name(contract.Audit), Days: 30, Now: now}
	people := &identity.Store{
		DB: db, Registry: name(contract.Registry), Trail: trail, Now: now,
		Peppers: func(context.Context, string) (identity.Pepper, error) {
			return identity.Pepper{ID: "PEPPER01", Key: []byte("key of the stage")}, nil
		},
	}
	return bench{
		t: t, Store: &admin.Store{Store: people, Actor: "tester"},
		sessions: &session.Store{
			DB: db, Sessions: name(contract.Sessions), Registry: name(contract.Registry), Trail: trail, Now: now,
		},
	}
}

func (b bench) create(n admin.New) *identity.User {
	b.t.Helper()
	u, err := b.Create(b.t.Context(), n)
	if err != nil {
		b.t.Fatalf("Create(%s) = %v", n.UserName, err)
	}
	return u
}

func (b bench) get(u *identity.User) *identity.User {
	b.t.Helper()
	u, err := b.Get(b.t.Context(), u.Subject)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

func (b bench) signsIn(u *identity.User, password string) bool {
	b.t.Helper()
	ok, _, err := b.Check(b.t.Context(), b.get(u), password)
	if err != nil {
		b.t.Fatal(err)
	}
	return ok
}

// change runs a change as a command does, and returns how many sessions it ended.
func (b bench) change(u *identity.User, c dynamo.UserChange, action audit.Action) int {
	b.t.Helper()
	n, err := b.sessions.ChangeUser(b.t.Context(), u.Subject, c, session.Cause{Actor: b.Actor, Action: action})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b bench) signIn(u *identity.User) (*session.Grant, error) {
	return b.sessions.CreateGrant(b.t.Context(), session.NewGrant{
		Subject: u.Subject, AuthGen: u.AuthGen, Client: "app", AuthTime: time.Now(), Idle: time.Hour, Absolute: time.Hour,
	})
}

// entries returns the audit entries about a user.
func (b bench) entries(u *identity.User) string {
	b.t.Helper()
	list, err := b.Trail.List(b.t.Context(), b.DB, audit.Query{Subject: u.Subject, Limit: 100})
	if err != nil {
		b.t.Fatal(err)
	}
	var all []string
	for _, e := range list {
		if e.Object == "user#"+u.Subject && e.Actor == "tester" {
			all = append(all, string(e.Action))
		}
	}
	slices.Sort(all) // entries of one millisecond are in no order
	return strings.Join(all, " ")
}

const good = "a good password of ann"

func TestCreate(t *testing.T) {
	b := newBench(t)
	ann := b.create(admin.New{UserName: "Ann", Name: "Ann Example", Email: "ann@example.com", Password: good})
	found, err := b.Find(t.Context(), "ann")
	if err != nil || found.Subject != ann.Subject || found.Name != "Ann Example" || found.Email != "ann@example.com" || found.Revision != 1 {
		t.Errorf("Find(ann) = %+v, %v, want %+v", found, err, ann)
	}
	if !b.signsIn(ann, good) {
		t.Error("the password of Create is refused")
	}
	bob := b.create(admin.New{UserName: "bob"})
	if bob.HasPassword() || b.signsIn(bob, "") {
		t.Errorf("bob = %+v, want a user without a password", bob)
	}
	list, err := b.List(t.Context())
	if err != nil || len(list) != 2 || list[0].UserName != "Ann" || list[1].UserName != "bob" {
		t.Errorf("List = %v, %v, want Ann and bob", list, err)
	}
	if got := b.entries(ann); got != "user.create" {
		t.Errorf("trail of ann = %q, want user.create", got)
	}
	trail, err := b.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.Trail.Table})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range trail.Items {
		if text := fmt.Sprint(deep(it)); strings.Contains(strings.ToLower(text), "example") || strings.Contains(text, "argon2id") {
			t.Errorf("entry = %s, want no name in it", text)
		}
	}
}

// deep returns the values that attribute values point to.
func deep(it map[string]types.AttributeValue) map[string]any {
	out := map[string]any{}
	for name, v := range it {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			out[name] = v.Value
		case *types.AttributeValueMemberM:
			out[name] = deep(v.Value)
		}
	}
	return out
}

func TestCreateRefuses(t *testing.T) {
	b := newBench(t)
	b.create(admin.New{UserName: "ann"})
	tests := []struct {
		name string
		new  admin.New
		want string
	}{
		{"taken", admin.New{UserName: "ANN"}, "user name is taken"},
		{"no name", admin.New{}, `user name "" is not 1 to 64 letters, digits, ".", "_", "@", "+" and "-"`},
		{"bad name", admin.New{UserName: "a b"}, `user name "a b" is not 1 to 64 letters, digits, ".", "_", "@", "+" and "-"`},
		{"control", admin.New{UserName: "bob", Name: "Bob\x1b[2J"}, "name is longer than 200 bytes or cannot be printed"},
		{"long", admin.New{UserName: "bob", Name: strings.Repeat("b", 201)}, "name is longer than 200 bytes or cannot be printed"},
		{"email", admin.New{UserName: "bob", Email: "Bob <bob@example.com>"}, `email "Bob <bob@example.com>" is not an e-mail address`},
		{"short", admin.New{UserName: "bob", Password: "1234567"}, "password is shorter than 8 characters"},
		{"common", admin.New{UserName: "bob", Password: "trustno1"}, "password is one of the most common passwords"},
		{"own name", admin.New{UserName: "bobcat", Password: "Bobcat2026!"}, "password is too similar to the name or email address of the account"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := b.Create(t.Context(), tt.new)
			if err == nil || err.Error() != tt.want {
				t.Errorf("Create(%+v) = %v, %v, want %q", tt.new, u, err, tt.want)
			}
		})
	}
	if list, err := b.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("List = %v, %v, want ann only", list, err)
	}
}

// One of many concurrent creations with the same name succeeds.
func TestOneOfManyCreationsGetsTheName(t *testing.T) {
	b := newBench(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	created := 0
	for range 20 {
		wg.Go(func() {
			_, err := b.Create(t.Context(), admin.New{UserName: "ann"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				created++
			} else if !errors.Is(err, admin.ErrTaken) {
				t.Errorf("Create = %v, want nil or ErrTaken", err)
			}
		})
	}
	wg.Wait()
	if list, err := b.List(t.Context()); created != 1 || err != nil || len(list) != 1 {
		t.Errorf("%d were told that they have the name and there are %d, %v, want one", created, len(list), err)
	}
}

// A new password replaces the old one and ends all sessions. A sign-in that was checked
// against the old one is refused.
func TestPassword(t *testing.T) {
	b := newBench(t)
	ann := b.create(admin.New{UserName: "ann", Password: good})
	g, err := b.signIn(ann)
	if err != nil {
		t.Fatal(err)
	}
	const better = "a better password of ann"
	c, err := b.Password(t.Context(), ann, better)
	if err != nil {
		t.Fatal(err)
	}
	if n := b.change(ann, dynamo.UserChange{Changes: c}, audit.UserPassword); n != 1 {
		t.Errorf("the change ended %d sessions, want 1", n)
	}
	if b.signsIn(ann, good) || !b.signsIn(ann, better) {
		t.Error("after the change the old password works or the new one does not")
	}
	if _, err := b.sessions.Grant(t.Context(), ann.Subject, g.ID); !errors.Is(err, session.ErrEnded) {
		t.Errorf("the session of the old password = %v, want ErrEnded", err)
	}
	if _, err := b.signIn(ann); !errors.Is(err, session.ErrStale) {
		t.Errorf("a sign-in by the old password = %v, want ErrStale", err)
	}
	if got := b.entries(ann); got != "user.create user.password" {
		t.Errorf("trail = %q, want user.create user.password", got)
	}
	if _, err := b.Password(t.Context(), ann, "ann"); err == nil {
		t.Error("Password(ann) = nil, want a WeakError")
	} else if _, weak := errors.AsType[*admin.WeakError](err); !weak {
		t.Errorf("Password(ann) = %v, want a WeakError", err)
	}
}

func TestDisableAndEnable(t *testing.T) {
	b := newBench(t)
	ann := b.create(admin.New{UserName: "ann", Password: good})
	if _, err := b.signIn(ann); err != nil {
		t.Fatal(err)
	}
	if n := b.change(ann, admin.Disabled(), audit.UserDisable); n != 1 {
		t.Errorf("disabling ended %d sessions, want 1", n)
	}
	disabled := b.get(ann)
	if !disabled.Disabled || b.signsIn(ann, good) {
		t.Errorf("ann = %+v, want disabled and no sign-in", disabled)
	}
	if _, err := b.signIn(disabled); !errors.Is(err, session.ErrStale) {
		t.Errorf("a sign-in of a disabled user = %v, want ErrStale", err)
	}
	if err := b.Enable(t.Context(), ann); !errors.Is(err, admin.ErrChanged) {
		t.Errorf("Enable of what was read before = %v, want ErrChanged", err)
	}
	if err := b.Enable(t.Context(), disabled); err != nil {
		t.Fatal(err)
	}
	if enabled := b.get(ann); enabled.Disabled || enabled.AuthGen != disabled.AuthGen || !b.signsIn(ann, good) {
		t.Errorf("ann enabled = %+v, want a sign-in and auth_gen %d", enabled, disabled.AuthGen)
	}
	if got := b.entries(ann); got != "user.create user.disable user.enable" {
		t.Errorf("trail = %q, want user.create user.disable user.enable", got)
	}
}
