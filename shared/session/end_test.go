package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

func TestEndIsFinalAndRepeatable(t *testing.T) {
	b := sessiontest.New(t)
	g, other := b.Grant(b.User(), nil), b.Grant(b.User(), nil)
	for range 2 {
		if err := b.End(t.Context(), g.Subject, g.ID, revoked); err != nil {
			t.Errorf("End = %v, want nil, however often", err)
		}
	}
	expect(t, b, g, false)
	expect(t, b, other, true)
	want := sessiontest.Entry{Action: "grant.end", Object: "grant#" + g.ID, Why: session.Revoked}
	if entries := b.Entries(g.Subject); len(entries) != 2 || entries[1] != want {
		t.Errorf("entries = %v, want the creation and one %v", entries, want)
	}
	for _, id := range []string{"", "x", "01ARZ3NDEKTSV4RRFFQ69G5FAV", other.ID, g.ID + "0", "grant#" + g.ID} {
		if err := b.End(t.Context(), g.Subject, id, revoked); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("End(%q) = %v, want ErrUnknown", id, err)
		}
		if _, err := b.Store.Grant(t.Context(), g.Subject, id); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Grant(%q) = %v, want ErrEnded", id, err)
		}
	}
	expect(t, b, other, true)
}

// family is the sessions of one subject in these tests: two browsers, each with its
// grants, and a phone.
type family struct {
	subject, cookie          string
	laptop, desktop          *session.Login
	laptopA, laptopB, onDesk *session.Grant
	phone                    *session.Grant
}

func newFamily(b *sessiontest.Bench) family {
	f := family{subject: b.User()}
	login := func() *session.Login {
		l, cookie := must2(b.CreateLogin(context.Background(), session.NewLogin{Subject: f.subject, AuthTime: b.Clock.Now()}))
		f.cookie = cookie // of the laptop in the end
		return l
	}
	f.desktop = login()
	f.laptop = login()
	under := func(l *session.Login) func(*session.NewGrant) { return func(n *session.NewGrant) { n.Login = l.ID } }
	f.laptopA, f.laptopB, f.onDesk = b.Grant(f.subject, under(f.laptop)), b.Grant(f.subject, under(f.laptop)), b.Grant(f.subject, under(f.desktop))
	f.phone = b.Grant(f.subject, nil)
	return f
}

func (f family) ids() map[string]string {
	return map[string]string{
		f.laptop.ID: "laptop", f.desktop.ID: "desktop", f.laptopA.ID: "laptopA", f.laptopB.ID: "laptopB", f.onDesk.ID: "onDesk", f.phone.ID: "phone",
	}
}

// expectOnly fails unless exactly these are live.
func (f family) expectOnly(t *testing.T, b *sessiontest.Bench, want ...string) {
	t.Helper()
	names := f.ids()
	live := map[string]bool{}
	for _, i := range must(b.List(t.Context(), f.subject)) {
		live[names[i.ID]] = true
	}
	for _, name := range want {
		if !live[name] {
			t.Errorf("%s has ended, want it live", name)
		}
		delete(live, name)
	}
	if len(live) != 0 {
		t.Errorf("%v is live, want it ended", live)
	}
}

func TestEndItemAndEndOthersEndTheRightItems(t *testing.T) {
	all := []string{"laptop", "desktop", "laptopA", "laptopB", "onDesk", "phone"}
	tests := []struct {
		name   string
		id     func(family) string
		live   []string
		ended  int
		entry  sessiontest.Entry
		others bool
	}{
		{name: "a grant", id: func(f family) string { return f.laptopA.ID }, live: []string{"laptop", "desktop", "laptopB", "onDesk", "phone"}, ended: 1, entry: sessiontest.Entry{Action: "grant.end"}},
		{name: "a login", id: func(f family) string { return f.laptop.ID }, live: []string{"desktop", "onDesk", "phone"}, ended: 3, entry: sessiontest.Entry{Action: "login.end"}},
		{name: "others than a login", id: func(f family) string { return f.laptop.ID }, live: []string{"laptop", "laptopA", "laptopB"}, ended: 3, entry: sessiontest.Entry{Action: "session.end_others"}, others: true},
		{name: "others than a grant of a login", id: func(f family) string { return f.laptopA.ID }, live: []string{"laptop", "laptopA", "laptopB"}, ended: 3, entry: sessiontest.Entry{Action: "session.end_others"}, others: true},
		{name: "others than a grant", id: func(f family) string { return f.phone.ID }, live: []string{"phone"}, ended: 5, entry: sessiontest.Entry{Action: "session.end_others"}, others: true},
		{name: "nothing", id: func(family) string { return "01ARZ3NDEKTSV4RRFFQ69G5FAV" }, live: all},
		{name: "others than nothing", id: func(family) string { return "01ARZ3NDEKTSV4RRFFQ69G5FAV" }, live: all, others: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := sessiontest.New(t)
			f := newFamily(b)
			before := len(b.Entries(f.subject))
			method := b.EndItem
			if tt.others {
				method = b.EndOthers
			}
			id := tt.id(f)
			ended, err := method(t.Context(), f.subject, id, revoked)
			if ended != tt.ended || errors.Is(err, session.ErrUnknown) != (tt.ended == 0) {
				t.Errorf("ended %d, %v, want %d", ended, err, tt.ended)
			}
			f.expectOnly(t, b, tt.live...)
			written := b.Entries(f.subject)[before:]
			if tt.ended == 0 {
				if len(written) != 0 {
					t.Errorf("nothing ended with the entries %v", written)
				}
				return
			}
			if len(written) != 1 || written[0].Action != tt.entry.Action || written[0].Why != session.Revoked {
				t.Errorf("entries = %v, want one %s", written, tt.entry.Action)
			}
			if _, err := b.EndItem(t.Context(), f.subject, id, revoked); !tt.others && !errors.Is(err, session.ErrUnknown) {
				t.Errorf("EndItem again = %v, want ErrUnknown", err)
			}
			if ended, err := b.EndLogin(t.Context(), f.subject, id, revoked); !tt.others && (ended != 0 || err != nil) {
				t.Errorf("EndLogin again = %d, %v, want nothing to do and no error", ended, err)
			}
		})
	}
}

// Everything ends in the same transaction as the change of the user's item.
func TestChangeUser(t *testing.T) {
	b := sessiontest.New(t)
	f := newFamily(b)
	change := dynamo.UserChange{Changes: dynamo.Changes{Set: dynamo.Item{"password": dynamo.Text("phc")}}}
	ended, err := b.ChangeUser(t.Context(), f.subject, change, session.Cause{Why: session.Password, Actor: f.subject, Action: "user.password"})
	if err != nil || ended != 6 {
		t.Fatalf("ChangeUser = %d, %v, want all 6 ended", ended, err)
	}
	f.expectOnly(t, b)
	user := must(b.Raw.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &b.Registry, Key: dynamo.UserKey(f.subject)})).Item
	for name, want := range map[string]string{"auth_gen": "1", "rev": "2", "password": "phc"} {
		if got := str(user[name]); got != want {
			t.Errorf("the user's %s = %q, want %q", name, got, want)
		}
	}
	entries := b.Entries(f.subject)
	if last := entries[len(entries)-1]; len(entries) != 7 || last != (sessiontest.Entry{Action: "user.password", Object: "user#" + f.subject, Why: session.Password}) {
		t.Errorf("entries = %v, want one of the change after 6 creations", entries)
	}
	if _, err := b.ChangeUser(t.Context(), "usr_nobody", change, revoked); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("ChangeUser of an unknown user = %v, want ErrUnknown", err)
	}
}

// EndAll refuses a concurrent sign-in even when nothing is live, and works for a
// deleted user.
func TestEndAllOfLittle(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	if ended, err := b.EndAll(t.Context(), subject, revoked); ended != 0 || err != nil {
		t.Errorf("EndAll = %d, %v, want nothing ended", ended, err)
	}
	if _, _, err := b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}); !errors.Is(err, session.ErrStale) {
		t.Errorf("CreateLogin with the auth_gen of before = %v, want ErrStale", err)
	}
	g := b.Grant(subject, func(n *session.NewGrant) { n.AuthGen = 1 })
	must(b.Raw.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &b.Registry, Key: dynamo.UserKey(subject)}))
	if ended, err := b.EndAll(t.Context(), subject, revoked); ended != 1 || err != nil {
		t.Errorf("EndAll of a removed user = %d, %v, want one ended", ended, err)
	}
	expect(t, b, g, false)
	left := must(b.Raw.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &b.Registry, Key: dynamo.UserKey(subject)}))
	if left.Item != nil {
		t.Errorf("EndAll brought the removed user back: %v", left.Item)
	}
}

// EndAll also ends items that have just expired, since another clock may be behind.
func TestEndAllEndsWhatJustExpired(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	g := b.Grant(subject, nil)
	b.Clock.Turn(24*time.Hour + 5*time.Second)
	if ended, err := b.EndAll(t.Context(), subject, revoked); ended != 1 || err != nil {
		t.Errorf("EndAll = %d, %v, want the expired one ended", ended, err)
	}
	b.Clock.Turn(-10 * time.Second)
	if _, _, err := b.Refresh(g, 1, nil); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Refresh by a clock that is behind = %v, want ErrEnded", err)
	}
}

func str(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}
