package registry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/tools/registry"
)

// user finds a user by name.
func (b bench) user(name string) *identity.User {
	b.t.Helper()
	people := &identity.Store{DB: b.DB, Registry: b.Table, Now: httpapi.Now}
	u, err := people.Find(b.t.Context(), name)
	if err != nil {
		b.t.Fatalf("Find(%s) = %v", name, err)
	}
	return u
}

// signIn gives a user a grant.
func (b bench) signIn(u *identity.User) *session.Grant {
	b.t.Helper()
	g, err := b.Sessions.CreateGrant(b.t.Context(), session.NewGrant{
		Subject: u.Subject, AuthGen: u.AuthGen, Client: "app", AuthTime: time.Now(), Idle: time.Hour, Absolute: time.Hour,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return g
}

func (b bench) ended(g *session.Grant, why string) {
	b.t.Helper()
	if _, err := b.Sessions.Grant(b.t.Context(), g.Subject, g.ID); !errors.Is(err, session.ErrEnded) {
		b.t.Errorf("the session of a user who was %s = %v, want ErrEnded", why, err)
	}
}

// A file that disables or removes a user ends their sessions, together with any other
// change.
func TestDisableAndDeleteSignOut(t *testing.T) {
	b := newBench(t)
	b.apply("users: [{user_name: ann}, {user_name: bob}, {user_name: eve}]", false)
	ann, bob, eve := b.signIn(b.user("ann")), b.signIn(b.user("bob")), b.signIn(b.user("eve"))
	b.apply("users: [{user_name: ann, disabled: true, name: Ann}, {user_name: eve, name: Eve}]", true)
	b.ended(ann, "disabled")
	b.ended(bob, "deleted")
	if _, err := b.Sessions.Grant(t.Context(), eve.Subject, eve.ID); err != nil {
		t.Errorf("the session of a user who was renamed = %v, want it alive", err)
	}
	u := b.user("ann")
	if !u.Disabled || u.Name != "Ann" || u.AuthGen != 1 || u.Revision != 3 {
		t.Errorf("ann = %+v, want disabled, renamed and signed out", u)
	}
	var got []string
	for _, line := range b.trail()[6:] { // three users and three grants
		got = append(got, strings.Fields(line)[1])
	}
	slices.Sort(got) // entries of one millisecond are in no order
	if want := "user.delete user.disable user.disable user.update user.update"; strings.Join(got, " ") != want {
		t.Errorf("trail = %v, want %s", got, want)
	}
	if plan := b.plan("users: [{user_name: ann, disabled: true, name: Ann}]", false); len(plan.Pending()) != 0 {
		t.Errorf("plan after apply =\n%s, want nothing", plan)
	}

	// Enabled again, the user has no sessions and the same subject.
	b.apply("users: [{user_name: ann}]", false)
	if again := b.user("ann"); again.Disabled || again.Subject != u.Subject || again.AuthGen != 1 {
		t.Errorf("ann enabled = %+v, want auth_gen 1 and the subject %s", again, u.Subject)
	}
	b.ended(ann, "enabled again")
}

// Attributes that a file cannot set stay: the password and auth_gen.
func TestUpdateKeepsThePassword(t *testing.T) {
	b := newBench(t)
	b.apply("users: [{user_name: ann}]", false)
	u := b.user("ann")
	const record = "$argon2id$v=19$m=47104,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	_, err := b.DB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &b.Table, Key: dynamo.UserKey(u.Subject), UpdateExpression: new("SET password = :p, auth_gen = :g"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p": &types.AttributeValueMemberS{Value: record}, ":g": &types.AttributeValueMemberN{Value: "7"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if plan := b.plan("users: [{user_name: ann}]", false); len(plan.Pending()) != 0 || strings.Contains(plan.String(), "argon2id") {
		t.Errorf("plan after a password was set =\n%s, want nothing", plan)
	}
	b.apply("users: [{user_name: ann, name: Ann}]", false)
	if after := b.user("ann"); !after.HasPassword() || after.AuthGen != 7 || after.Name != "Ann" {
		t.Errorf("ann after apply = %+v, want the password and auth_gen 7", after)
	}
}

// A public client gets no secret, and loses the secrets that it had.
func TestPublicClient(t *testing.T) {
	b := newBench(t)
	const public = "clients: [{id: app, auth_methods: [none], grants: [refresh_token]}]"
	if secrets := b.apply(public, false); len(secrets) != 0 {
		t.Errorf("a public client got %v", secrets)
	}
	if plan := b.plan(public, false); len(plan.Pending()) != 0 {
		t.Errorf("plan after apply =\n%s, want nothing", plan)
	}
	secret := b.apply("clients: [{id: app, grants: [refresh_token]}]", false)["app"]
	if err := b.authenticate("app", secret); err != nil {
		t.Errorf("the secret of a client that is public no more = %v, want it to work", err)
	}
	b.apply(public, false)
	if err := b.authenticate("app", secret); err == nil {
		t.Error("the secret of a client that became public works")
	}
}

func TestGrantFields(t *testing.T) {
	b := newBench(t)
	b.apply("clients: [{id: app, auth_methods: ["+oauth.AuthNone+"]}]", false)
	const changed = `
clients:
  - id: app
    auth_methods: [none]
    origins: [https://app.example.com]
    idle: 12h
    absolute: 7d
    grace: 0s
`
	if got, want := b.plan(changed, false).String(), strings.TrimPrefix(`
~ client  app  origins (none) -> https://app.example.com
               idle 14d -> 12h
               absolute 90d -> 7d
               grace 30s -> 0s

0 to create, 1 to update, 0 to delete, 0 unchanged.
`, "\n"); got != want {
		t.Errorf("plan =\n%s, want\n%s", got, want)
	}
	b.apply(changed, false)
	if n := b.plan(changed, false).Count(registry.Unchanged); n != 1 {
		t.Errorf("plan after apply has %d unchanged, want 1", n)
	}
	b.apply("clients: [{id: app, auth_methods: [none]}]", false)
	for _, it := range b.scan(b.Table) {
		for _, name := range []string{"origins", "idle", "absolute", "grace"} {
			if it[name] != nil {
				t.Errorf("attribute %s = %v of a client with the usual values, want none", name, it[name])
			}
		}
	}
}
