package admin_test

import (
	"errors"
	"testing"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/session"
)

// errOnce is the failure of a write that was made before.
var errOnce = errors.New("it happened before")

// once returns a write that succeeds once.
func (b bench) once(name string) dynamo.Write {
	return dynamo.Create(b.Registry, dynamo.Key("test#"+name, "test")).Else(errOnce)
}

// beside puts an item into the partition of a user, as its package would.
func (b bench) beside(subject, sk string) {
	b.t.Helper()
	err := (dynamo.Tx{dynamo.Put(b.Registry, dynamo.Key("user#"+subject, sk))}).Run(b.t.Context(), b.DB)
	if err != nil {
		b.t.Fatal(err)
	}
}

// An invited user gets the promised subject in one transaction with the additional
// writes.
func TestCreateKeepsThePromisedSubject(t *testing.T) {
	b := newBench(t)
	n := admin.New{
		Subject: "usr_promised", UserName: "ann", Email: "ann@example.com", EmailVerified: true, SignsInWith: "passkey",
		Inviter: "operator", RequestID: "r1", Also: []dynamo.Write{b.once("a"), b.once("b")},
	}
	ann := b.create(n)
	if found := b.get(ann); found.Subject != "usr_promised" || !found.EmailVerified {
		t.Errorf("ann = %+v, want the promised subject and a verified address", found)
	}
	list, err := b.Trail.List(t.Context(), b.DB, audit.Query{Subject: ann.Subject, Limit: 10})
	if err != nil || len(list) != 1 || list[0].RequestID != "r1" || list[0].Detail["signs_in_with"] != "passkey" || list[0].Detail["invited_by"] != "operator" {
		t.Errorf("trail = %+v, %v, want who invited ann, and to what", list, err)
	}
	n.Subject, n.UserName, n.Also = "", "bob", []dynamo.Write{b.once("c"), b.once("b")}
	_, err = b.Create(t.Context(), n)
	if !errors.Is(err, errOnce) {
		t.Errorf("Create with a write that cannot happen = %v, want its failure", err)
	}
	if _, err := b.Find(t.Context(), "bob"); !errors.Is(err, identity.ErrUnknown) {
		t.Errorf("Find(bob) = %v, want ErrUnknown", err)
	}
	n.UserName, n.Also = "ann", []dynamo.Write{b.once("c"), b.once("b")}
	if _, err := b.Create(t.Context(), n); !errors.Is(err, admin.ErrTaken) {
		t.Errorf("Create of a name that is taken = %v, want ErrTaken, whatever else is wrong", err)
	}
	n.UserName, n.Subject, n.Also = "carl", ann.Subject, nil
	if u, err := b.Create(t.Context(), n); !errors.Is(err, admin.ErrSubject) {
		t.Errorf("Create with the subject of ann = %+v, %v, want ErrSubject", u, err)
	}
}

// A change fails when the user has changed since they were read.
func TestAChangeNeedsTheUserAsRead(t *testing.T) {
	b := newBench(t)
	for name, meanwhile := range map[string]func(*identity.User) error{
		"signed out everywhere": func(u *identity.User) error {
			_, err := b.sessions.EndAll(t.Context(), u.Subject, session.Cause{})
			return err
		},
		"disabled": func(u *identity.User) error {
			_, err := b.sessions.ChangeUser(t.Context(), u.Subject, admin.Disabled(), session.Cause{})
			return err
		},
		"another credential": func(u *identity.User) error {
			return (dynamo.Tx{b.Changing(u, dynamo.Changes{})}).Run(t.Context(), b.DB)
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := b.create(admin.New{UserName: name[:4], Password: good})
			c, err := b.Password(t.Context(), u, "another password entirely")
			if err != nil {
				t.Fatal(err)
			}
			if err := meanwhile(u); err != nil {
				t.Fatal(err)
			}
			grant, _ := b.signIn(b.get(u)) // none for a disabled user
			n, err := b.sessions.ChangeUser(t.Context(), u.Subject, dynamo.UserChange{Changes: c, If: u.Unchanged()}, session.Cause{})
			if !errors.Is(err, session.ErrStale) || n != 0 {
				t.Errorf("ChangeUser of what was seen before = %d, %v, want ErrStale", n, err)
			}
			if grant != nil {
				if _, err := b.sessions.Grant(t.Context(), u.Subject, grant.ID); err != nil {
					t.Errorf("Grant = %v, want nothing to have ended", err)
				}
			}
			_, err = b.sessions.ChangeUser(t.Context(), u.Subject, dynamo.UserChange{Changes: c, If: b.get(u).Unchanged()}, session.Cause{})
			if stale := errors.Is(err, session.ErrStale); stale != (name == "disabled") || err != nil && !stale {
				t.Errorf("ChangeUser of what is true now = %v", err)
			}
		})
	}
	if _, err := b.sessions.ChangeUser(t.Context(), "usr_nobody", dynamo.UserChange{If: (&identity.User{}).Unchanged()}, session.Cause{}); err != nil {
		t.Errorf("ChangeUser of an unknown user = %v, want nil: nothing was to change", err)
	}
}

func TestWaysCountsCredentials(t *testing.T) {
	b := newBench(t)
	ann, bob := b.create(admin.New{UserName: "ann"}), b.create(admin.New{UserName: "bob"})
	for _, sk := range []string{"passkey#1", "passkey#2", "linked#1", "otp"} {
		b.beside(ann.Subject, sk)
	}
	got, err := b.Ways(t.Context())
	if err != nil || len(got) != 1 || got[ann.Subject] != (admin.Ways{Passkeys: 2, Linked: 1}) || got[bob.Subject] != (admin.Ways{}) {
		t.Errorf("Ways = %v, %v, want two passkeys and a linked account of ann", got, err)
	}
}
