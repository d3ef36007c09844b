package session_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

var recovered = session.Cause{Why: session.Password, Actor: "test", RequestID: "r-change"}

// user is the user's item.
func user(t *testing.T, b *sessiontest.Bench, subject string) map[string]types.AttributeValue {
	t.Helper()
	return must(b.Raw.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &b.Registry, Key: dynamo.UserKey(subject)})).Item
}

// A change of the user is one transaction: everything ends, attributes are set and
// removed, and the additional writes are made.
func TestChangeUserWithMore(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	set := dynamo.UserChange{Changes: dynamo.Changes{Set: dynamo.Item{"otp": dynamo.Text("yes")}}}
	must(b.ChangeUser(t.Context(), subject, set, recovered))
	g := b.Grant(subject, func(n *session.NewGrant) { n.AuthGen = 1 })
	n := signIn(b, subject)
	n.AuthGen = 1
	_, cookie := must2(b.CreateLogin(t.Context(), n))
	change := dynamo.UserChange{
		Changes: dynamo.Changes{Set: dynamo.Item{"password": dynamo.Text("new")}, Remove: []string{"otp"}},
		Also:    []dynamo.Write{once(b, "ticket"), once(b, "challenge")},
	}
	if ended, err := b.ChangeUser(t.Context(), subject, change, recovered); err != nil || ended != 2 {
		t.Fatalf("ChangeUser = %d, %v, want two ended", ended, err)
	}
	expect(t, b, g, false)
	if _, err := b.LoginByCookie(t.Context(), cookie); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Login = %v, want ErrEnded", err)
	}
	it := user(t, b, subject)
	if plain(it["password"]) != "new" || it["otp"] != nil || plain(it["auth_gen"]) != "2" || plain(it["rev"]) != "3" {
		t.Errorf("user = %v, want the new password, no app, and both counters raised", it)
	}
	before := scan(t, b, b.Sessions)

	// A failed additional write changes nothing and ends nothing.
	g = b.Grant(subject, func(n *session.NewGrant) { n.AuthGen = 2 })
	change.Set["password"] = dynamo.Text("the thief's")
	change.Also = []dynamo.Write{once(b, "other"), once(b, "ticket")}
	_, err := b.ChangeUser(t.Context(), subject, change, recovered)
	if !errors.Is(err, doneError("ticket")) {
		t.Errorf("ChangeUser = %v, want the failure of the second write", err)
	}
	if it := user(t, b, subject); plain(it["password"]) != "new" || plain(it["auth_gen"]) != "2" {
		t.Errorf("user = %v, want it as it was", it)
	}
	expect(t, b, g, true)
	if after := scan(t, b, b.Sessions); len(after) != len(before)+1 { // the grant
		t.Errorf("there are %d items, %d before: something was written", len(after), len(before))
	}
}

// When there is more to end than one transaction takes, the first one makes the change,
// once.
func TestChangeUserOfMany(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	const many = 230
	for range many {
		b.Grant(subject, nil)
	}
	change := dynamo.UserChange{Also: []dynamo.Write{once(b, "1"), once(b, "2"), once(b, "3"), once(b, "4")}}
	if ended, err := b.ChangeUser(t.Context(), subject, change, recovered); err != nil || ended != many {
		t.Errorf("ChangeUser = %d, %v, want %d ended", ended, err, many)
	}
	if it := user(t, b, subject); plain(it["auth_gen"]) != "1" {
		t.Errorf("auth_gen = %s, want it raised once", plain(it["auth_gen"]))
	}
	if live := must(b.List(t.Context(), subject)); len(live) != 0 {
		t.Errorf("%d are live, want none", len(live))
	}
}

func TestChangeUserRefuses(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	g := b.Grant(subject, nil)
	for name, tt := range map[string]struct {
		subject string
		change  dynamo.UserChange
		want    error
	}{
		"too many writes":              {subject, dynamo.UserChange{Also: make([]dynamo.Write, session.MaxAlso+1)}, nil},
		"a condition":                  {subject, dynamo.UserChange{If: []dynamo.Condition{dynamo.Equal("rev", dynamo.Number(7))}}, session.ErrStale},
		"no user, with a write":        {"usr_nobody", dynamo.UserChange{Also: []dynamo.Write{once(b, "x")}}, session.ErrUnknown},
		"no user, to remove from":      {"usr_nobody", dynamo.UserChange{Changes: dynamo.Changes{Remove: []string{"otp"}}}, session.ErrUnknown},
		"no user, to set something of": {"usr_nobody", dynamo.UserChange{Changes: dynamo.Changes{Set: dynamo.Item{"a": dynamo.Text("a")}}}, session.ErrUnknown},
	} {
		if _, err := b.ChangeUser(t.Context(), tt.subject, tt.change, recovered); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: ChangeUser = %v, want %v", name, err, tt.want)
		}
	}
	expect(t, b, g, true)
	if it := user(t, b, subject); it["auth_gen"] != nil {
		t.Errorf("auth_gen = %s, want it as it was", plain(it["auth_gen"]))
	}
}

// Ending a client ends all of its grants, writes its notices, and leaves the grants of
// other clients.
func TestEndClientEndsOnlyThatClient(t *testing.T) {
	b := sessiontest.New(t)
	subject, other := b.User(), b.User()
	l, cookie := must2(b.CreateLogin(t.Context(), signIn(b, subject)))
	gone := []*session.Grant{
		b.Grant(subject, nil),
		b.Grant(subject, func(n *session.NewGrant) { n.Login = l.ID }),
		b.Grant(subject, func(n *session.NewGrant) { n.Notify = true }),
	}
	kept := []*session.Grant{
		b.Grant(subject, func(n *session.NewGrant) { n.Client = "app2" }),
		b.Grant(subject, func(n *session.NewGrant) { n.Client, n.Login = "appl", l.ID }),
		b.Grant(other, nil),
	}
	before := len(scan(t, b, b.Sessions))
	cause := session.Cause{Why: session.Revoked, Actor: subject, RequestID: "r-end"}
	if ended, err := b.EndClient(t.Context(), subject, "app", cause); err != nil || ended != len(gone) {
		t.Fatalf("EndClient = %d, %v, want %d", ended, err, len(gone))
	}
	for _, g := range gone {
		expect(t, b, g, false)
	}
	for _, g := range kept {
		expect(t, b, g, true)
	}
	if _, err := b.LoginByCookie(t.Context(), cookie); err != nil {
		t.Errorf("Login = %v, want it to live", err)
	}
	if after := len(scan(t, b, b.Sessions)); after != before+1 {
		t.Errorf("there are %d items, %d before, want one notice for the client that asked for it", after, before)
	}
	entries := b.Entries(subject)
	if last := entries[len(entries)-1]; last != (sessiontest.Entry{Action: string(session.ActionEndGrant), Object: "client#app", Why: session.Revoked}) {
		t.Errorf("the last entry is %v, want the end of the client's grants", last)
	}
	// A client that has nothing leaves no entry.
	if ended, err := b.EndClient(t.Context(), subject, "app", cause); err != nil || ended != 0 || len(b.Entries(subject)) != len(entries) {
		t.Errorf("EndClient once more = %d, %v with %d entries, want nothing", ended, err, len(b.Entries(subject)))
	}
}

// A grant that a client gets while it is being ended is ended too.
func TestEndClientFindsWhatCameInBetween(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	b.Grant(subject, nil)
	var late *session.Grant
	b.Wire.Inject(func(c sessiontest.Call) sessiontest.Fault {
		if late != nil || c.Operation != "TransactWriteItems" {
			return sessiontest.Fault{}
		}
		b.Wire.Inject(nil)
		late = b.Grant(subject, nil)
		return sessiontest.Fault{}
	})
	if ended, err := b.EndClient(t.Context(), subject, "app", recovered); err != nil || ended != 2 {
		t.Errorf("EndClient = %d, %v, want both", ended, err)
	}
	expect(t, b, late, false)
}
