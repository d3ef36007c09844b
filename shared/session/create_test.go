package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// setUser changes a user's item as an expression says.
func setUser(b *sessiontest.Bench, subject, update string, values map[string]types.AttributeValue) {
	must(b.Raw.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
		TableName: &b.Registry, Key: dynamo.UserKey(subject), UpdateExpression: &update, ExpressionAttributeValues: values,
	}))
}

func TestCreateGrant(t *testing.T) {
	b := sessiontest.New(t)
	g := b.Grant(b.User(), bound)
	read, err := b.Store.Grant(t.Context(), g.Subject, g.ID)
	if err != nil {
		t.Fatal(err)
	}
	if read.Subject != g.Subject || read.ID != g.ID || read.Client != "app" || read.Scope != g.Scope || read.Generation != 1 ||
		!read.Bound || !read.AuthTime.Equal(g.AuthTime) || !read.Idle.Equal(g.Idle) || !read.Absolute.Equal(g.Absolute) ||
		!read.Created.Equal(g.Created) || !read.Used.Equal(g.Used) || read.ClientInfo != g.ClientInfo || !read.Ended.IsZero() {
		t.Errorf("Grant = %+v, want what was created: %+v", read, g)
	}
	if g.ClientInfo != (session.ClientInfo{IP: "203.0.113.0/24", Agent: "Firefox on Linux"}) {
		t.Errorf("device = %+v, want the network and a label", g.ClientInfo)
	}
	want := sessiontest.Entry{Action: "grant.create", Object: "grant#" + g.ID}
	if entries := b.Entries(g.Subject); len(entries) != 1 || entries[0] != want {
		t.Errorf("entries = %v, want %v", entries, want)
	}
	it := must(b.Raw.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &b.Sessions, Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "sub#" + g.Subject}, "sk": &types.AttributeValueMemberS{Value: "grant#" + g.ID},
	}})).Item
	ttl, _ := it["ttl"].(*types.AttributeValueMemberN)
	if want := "1798545600"; ttl == nil || ttl.Value != want { // 2026-12-29: 30 days and a week
		t.Errorf("ttl = %v, want %s", it["ttl"], want)
	}
}

// A creation is refused with ErrStale when the user has changed since they
// authenticated.
func TestCreateIsStale(t *testing.T) {
	seven := map[string]types.AttributeValue{":v": &types.AttributeValueMemberN{Value: "7"}}
	yes := map[string]types.AttributeValue{":v": &types.AttributeValueMemberBOOL{Value: true}}
	no := map[string]types.AttributeValue{":v": &types.AttributeValueMemberBOOL{Value: false}}
	tests := []struct {
		name   string
		update string
		values map[string]types.AttributeValue
		seen   int64
		want   error
	}{
		{name: "never ended"},
		{name: "seen what is not there", seen: 1, want: session.ErrStale},
		{name: "ended since", update: "SET auth_gen = :v", values: seven, want: session.ErrStale},
		{name: "ended before", update: "SET auth_gen = :v", values: seven, seen: 7},
		{name: "ended once more", update: "SET auth_gen = :v", values: seven, seen: 6, want: session.ErrStale},
		{name: "disabled", update: "SET disabled = :v", values: yes, want: session.ErrStale},
		{name: "not disabled", update: "SET disabled = :v", values: no},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := sessiontest.New(t)
			subject := b.User()
			if tt.update != "" {
				setUser(b, subject, tt.update, tt.values)
			}
			_, err := b.CreateGrant(t.Context(), session.NewGrant{Subject: subject, AuthGen: tt.seen, Client: "app", Idle: time.Hour, Absolute: time.Hour})
			if !errors.Is(err, tt.want) {
				t.Errorf("CreateGrant = %v, want %v", err, tt.want)
			}
			_, cookie, err := b.CreateLogin(t.Context(), session.NewLogin{Subject: subject, AuthGen: tt.seen})
			if !errors.Is(err, tt.want) || (err == nil) != (cookie != "") {
				t.Errorf("CreateLogin = %v with a cookie %v, want %v", err, cookie != "", tt.want)
			}
			made := map[bool]int{true: 2}[tt.want == nil]
			if items, entries := must(b.List(t.Context(), subject)), b.Entries(subject); len(items) != made || len(entries) != made {
				t.Errorf("there are %d items and %d entries, want %d", len(items), len(entries), made)
			}
		})
	}
	b := sessiontest.New(t)
	_, _, err := b.CreateLogin(t.Context(), session.NewLogin{Subject: "usr_nobody"})
	if !errors.Is(err, session.ErrStale) {
		t.Errorf("CreateLogin of an unknown user = %v, want ErrStale", err)
	}
}

func TestCreateGrantLifetimes(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	for _, life := range [][2]time.Duration{{0, time.Hour}, {time.Hour, 0}, {-1, time.Hour}, {time.Hour, session.MaxLife + 1}} {
		_, err := b.CreateGrant(t.Context(), session.NewGrant{Subject: subject, Client: "app", Idle: life[0], Absolute: life[1]})
		if err == nil {
			t.Errorf("CreateGrant with the lifetimes %v = nil, want an error", life)
		}
	}
	if _, _, err := b.CreateLogin(t.Context(), session.NewLogin{Subject: strings.Repeat("s", 65)}); err == nil {
		t.Error("CreateLogin with a subject that no cookie holds = nil, want an error")
	}
}

// A grant under a login is created only while the login is live.
func TestCreateUnderLogin(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	l, _ := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	under := func(n *session.NewGrant) { n.Login = l.ID }
	if g := b.Grant(subject, under); g.Login != l.ID {
		t.Errorf("grant under the login %q, want %q", g.Login, l.ID)
	}
	n := session.NewGrant{Subject: subject, Client: "app", Idle: time.Hour, Absolute: time.Hour, Login: l.ID}
	b.Clock.Turn(session.LoginIdle)
	if _, err := b.CreateGrant(t.Context(), n); !errors.Is(err, session.ErrEnded) {
		t.Errorf("CreateGrant under an idle login = %v, want ErrEnded", err)
	}
	n.Login = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	if _, err := b.CreateGrant(t.Context(), n); !errors.Is(err, session.ErrEnded) {
		t.Errorf("CreateGrant under no login = %v, want ErrEnded", err)
	}
}

// The 501st item ends the least recently used one, in its own transaction and with an
// audit entry. Expired and ended items do not count.
func TestEviction(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	var grants []*session.Grant
	for range session.MaxItems {
		b.Clock.Turn(time.Second)
		grants = append(grants, b.Grant(subject, nil))
	}
	refreshed(1)(b, grants[0]) // so that the second one is the longest idle
	b.Clock.Turn(time.Second)

	login, _ := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	expect(t, b, grants[0], true)
	expect(t, b, grants[1], false)
	expect(t, b, grants[2], true)
	if items := must(b.List(t.Context(), subject)); len(items) != session.MaxItems || items[0].ID != login.ID {
		t.Errorf("%d items are live, the last used %s; want %d and the new one", len(items), items[0].ID, session.MaxItems)
	}
	entries := b.Entries(subject)
	want := sessiontest.Entry{Action: "grant.end", Object: "grant#" + grants[1].ID, Why: session.Evicted}
	if len(entries) != session.MaxItems+2 || !has(entries, want) {
		t.Errorf("%d entries, want %d with %v", len(entries), session.MaxItems+2, want)
	}

	// A revoke-all is several transactions now, each with its entry.
	before := len(entries)
	calls := b.Wire.Count(func() {
		if ended, err := b.EndAll(t.Context(), subject, revoked); err != nil || ended != session.MaxItems {
			t.Errorf("EndAll = %d, %v, want %d", ended, err, session.MaxItems)
		}
	})
	if items := must(b.List(t.Context(), subject)); len(items) != 0 {
		t.Errorf("after EndAll %d items are live", len(items))
	}
	if got := count(calls.Calls, "TransactWriteItems"); got != 6 {
		t.Errorf("EndAll of %d items took %d transactions, want 6", session.MaxItems, got)
	}
	for _, e := range b.Entries(subject)[before:] {
		if e != (sessiontest.Entry{Action: "session.end_all", Object: "user#" + subject, Why: session.Revoked}) {
			t.Errorf("entry = %v, want one of the revoke-all", e)
		}
	}
	if got := len(b.Entries(subject)) - before; got != 6 {
		t.Errorf("EndAll left %d entries, want one per transaction", got)
	}

	// The stored count is too high now, and the next creation corrects it.
	b.Wire.Inject(nil)
	n := session.NewLogin{Subject: subject, AuthGen: 1}
	if _, _, err := b.CreateLogin(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	again := b.Wire.Count(func() { must2(b.CreateLogin(t.Context(), n)) })
	if len(again.Calls) != 1 {
		t.Errorf("a creation after the count was put right took the calls %v, want one", again)
	}
	if items := must(b.List(t.Context(), subject)); len(items) != 2 {
		t.Errorf("%d items are live, want 2", len(items))
	}
}

// Concurrent creations never exceed MaxItems.
func TestEvictionInParallel(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	for range session.MaxItems - 3 {
		b.Grant(subject, nil)
	}
	sessiontest.Parallel(8, func(int) {
		if _, _, err := b.CreateLogin(context.Background(), session.NewLogin{Subject: subject}); err != nil {
			t.Errorf("CreateLogin = %v", err)
		}
	})
	if items := must(b.List(t.Context(), subject)); len(items) != session.MaxItems {
		t.Errorf("%d items are live, want %d", len(items), session.MaxItems)
	}
}

func has(entries []sessiontest.Entry, want sessiontest.Entry) bool {
	for _, e := range entries {
		if e == want {
			return true
		}
	}
	return false
}

func count(all []string, one string) int {
	n := 0
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}
