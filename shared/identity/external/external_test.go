package external_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

const issuer = "https://id.example.com"

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type bench struct {
	*external.Store
	t      *testing.T
	people *identity.Store
}

func newBench(t *testing.T) bench {
	t.Helper()
	db, table := enginetest.DB(t)
	now := func(context.Context) time.Time { return at.Add(300 * time.Millisecond) }
	return bench{
		t: t, Store: &external.Store{DB: db, Registry: table(contract.Registry), Now: now},
		people: &identity.Store{DB: db, Registry: table(contract.Registry), Now: now},
	}
}

// person puts a user into the table.
func (b bench) person(subject string) *identity.User {
	b.t.Helper()
	u := &identity.User{Subject: subject, UserName: subject, Revision: 1}
	if _, err := b.DB.PutItem(b.t.Context(), &dynamodb.PutItemInput{TableName: &b.Registry, Item: identity.Encode(u)}); err != nil {
		b.t.Fatal(err)
	}
	return u
}

// link links an account as the package does: it reads the user first, then their links.
func (b bench) link(u *identity.User, sub string) error {
	have, err := b.List(b.t.Context(), u.Subject)
	if err != nil {
		return err
	}
	_, writes, err := b.Adding(b.t.Context(), u.Subject, account(sub), have)
	if err != nil {
		return err
	}
	return dynamo.Tx(append(writes, b.people.Changing(u, dynamo.Changes{}))).Run(b.t.Context(), b.DB)
}

func (b bench) mustLink(u *identity.User, sub string) *external.Link {
	b.t.Helper()
	if err := b.link(u, sub); err != nil {
		b.t.Fatal(err)
	}
	l, err := b.Find(b.t.Context(), issuer, sub)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

func (b bench) fresh(u *identity.User) *identity.User {
	b.t.Helper()
	u, err := b.people.Get(b.t.Context(), u.Subject)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

func (b bench) list(u *identity.User) []external.Link {
	b.t.Helper()
	all, err := b.List(b.t.Context(), u.Subject)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func account(sub string) external.Account {
	return external.Account{Issuer: issuer, Subject: sub, Upstream: "work", Label: "ann@example.com"}
}

func TestFindNeedsTheExactAccount(t *testing.T) {
	b := newBench(t)
	ann := b.person("usr_ann")
	if l, err := b.Find(t.Context(), issuer, "1"); !errors.Is(err, external.ErrUnknown) {
		t.Fatalf("Find before = %v, %v, want ErrUnknown", l, err)
	}
	l := b.mustLink(ann, "1")
	want := external.Link{
		ID: external.ID(issuer, "1"), Subject: "usr_ann", Upstream: "work", Issuer: issuer, Label: "ann@example.com", Created: at,
	}
	if *l != want {
		t.Errorf("Find = %+v, want %+v", *l, want)
	}
	if all := b.list(ann); !reflect.DeepEqual(all, []external.Link{want}) {
		t.Errorf("List = %+v, want the same", all)
	}
	// Neither part of the account may differ by a bit, nor move to the other.
	for _, a := range [][2]string{
		{issuer, "2"},
		{issuer, ""},
		{issuer, "1 "},
		{issuer + "/", "1"},
		{"https://ID.example.com", "1"},
		{issuer + "1", ""},
		{issuer, "1\x00"},
		{"", issuer + "\x001"},
		{issuer, "ann@example.com"},
	} {
		if l, err := b.Find(t.Context(), a[0], a[1]); !errors.Is(err, external.ErrUnknown) {
			t.Errorf("Find(%q, %q) = %+v, %v, want ErrUnknown", a[0], a[1], l, err)
		}
	}
	if err := dynamo.Tx(append(b.Removing(l), b.people.Changing(b.fresh(ann), dynamo.Changes{}))).Run(t.Context(), b.DB); err != nil {
		t.Fatal(err)
	}
	if l, err := b.Find(t.Context(), issuer, "1"); !errors.Is(err, external.ErrUnknown) || len(b.list(ann)) != 0 {
		t.Errorf("Find after the end = %v, %v, want ErrUnknown and nothing listed", l, err)
	}
	if err := b.link(b.fresh(ann), "1"); err != nil {
		t.Errorf("link once more = %v", err)
	}
}

// The table does not hold the subject at the issuer.
func TestNoSubjectIsKept(t *testing.T) {
	b := newBench(t)
	b.mustLink(b.person("usr_ann"), "secret-subject")
	out, err := b.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.Registry})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range out.Items {
		for name, v := range it {
			if s, ok := v.(*types.AttributeValueMemberS); ok && strings.Contains(s.Value, "secret-subject") {
				t.Errorf("attribute %s = %q", name, s.Value)
			}
		}
	}
}

// A linked account can be linked neither to another user nor a second time.
func TestAccountHasOnePerson(t *testing.T) {
	b := newBench(t)
	ann, bob := b.person("usr_ann"), b.person("usr_bob")
	b.mustLink(ann, "1")
	if err := b.link(bob, "1"); !errors.Is(err, external.ErrTaken) {
		t.Errorf("link of another's account = %v, want ErrTaken", err)
	}
	if all := b.list(bob); len(all) != 0 {
		t.Errorf("bob has %v, want nothing", all)
	}
	if err := b.link(b.fresh(ann), "1"); !errors.Is(err, external.ErrTwice) {
		t.Errorf("link twice = %v, want ErrTwice", err)
	}
	_, writes, err := b.Adding(t.Context(), "usr_ann", account("1"), nil) // by a list that is old
	if err != nil {
		t.Fatal(err)
	}
	if err := dynamo.Tx(writes).Run(t.Context(), b.DB); !dynamo.Failed(err) {
		t.Error("link twice by an old list was written")
	}
}

// One of two users who link an account concurrently gets both items of the link.
func TestOneOfTwoUsersGetsTheAccount(t *testing.T) {
	b := newBench(t)
	for round := range 10 {
		ann, bob := b.person(fmt.Sprintf("usr_ann%d", round)), b.person(fmt.Sprintf("usr_bob%d", round))
		sub := fmt.Sprint(round)
		errs := together(func() error { return b.link(ann, sub) }, func() error { return b.link(bob, sub) })
		l, err := b.Find(t.Context(), issuer, sub)
		if err != nil {
			t.Fatal(err)
		}
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("round %d: %v and %v, want one to have it", round, errs[0], errs[1])
		}
		for i, u := range []*identity.User{ann, bob} {
			has := errs[i] == nil
			if (l.Subject == u.Subject) != has || (len(b.list(u)) == 1) != has {
				t.Errorf("round %d: %s was told %v; the account is %s's and they have %v", round, u.Subject, errs[i], l.Subject, b.list(u))
			}
		}
	}
}

// Two tabs cannot exceed MaxLinks.
func TestConcurrentLinksDoNotExceedMaxLinks(t *testing.T) {
	b := newBench(t)
	ann := b.person("usr_ann")
	for i := range external.MaxLinks - 1 {
		b.mustLink(b.fresh(ann), fmt.Sprint(i))
	}
	now := b.fresh(ann)
	errs := together(func() error { return b.link(now, "a") }, func() error { return b.link(now, "b") })
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("two tabs = %v and %v, want one of them", errs[0], errs[1])
	}
	if n := len(b.list(ann)); n != external.MaxLinks {
		t.Errorf("ann has %d links, want %d", n, external.MaxLinks)
	}
	if err := b.link(b.fresh(ann), "c"); !errors.Is(err, external.ErrTooMany) {
		t.Errorf("one more = %v, want ErrTooMany", err)
	}
}

// One of two removals of a link succeeds, and no user can remove the link of another.
func TestOnlyOneOfTwoRemovalsSucceeds(t *testing.T) {
	b := newBench(t)
	ann := b.person("usr_ann")
	l := b.mustLink(ann, "1")
	forged := *l
	forged.Subject = "usr_bob"
	if err := dynamo.Tx(b.Removing(&forged)).Run(t.Context(), b.DB); !dynamo.Failed(err) {
		t.Error("bob ended ann's link")
	}
	remove := func() error { return dynamo.Tx(b.Removing(l)).Run(t.Context(), b.DB) }
	errs := together(remove, remove)
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("ended at once = %v and %v, want one of them", errs[0], errs[1])
	}
}

// A sign-in is refused when the link was removed or moved to another user since it was
// read.
func TestHoldsRefusesARemovedLink(t *testing.T) {
	b := newBench(t)
	ann, bob := b.person("usr_ann"), b.person("usr_bob")
	l := b.mustLink(ann, "1")
	if err := (dynamo.Tx{b.Holds(l)}).Run(t.Context(), b.DB); err != nil {
		t.Errorf("the condition of a link that is there = %v", err)
	}
	if err := dynamo.Tx(b.Removing(l)).Run(t.Context(), b.DB); err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		if err := (dynamo.Tx{b.Holds(l)}).Run(t.Context(), b.DB); !dynamo.Failed(err) {
			t.Errorf("the condition holds after %s", when)
		}
	}
	refused("the end")
	b.mustLink(bob, "1")
	refused("it became another's")
}

// The deletion of a user removes their links, also incomplete ones, and no link of
// another user.
func TestForgettingRemovesOnlyOwnLinks(t *testing.T) {
	b := newBench(t)
	ann, bob := b.person("usr_ann"), b.person("usr_bob")
	l := b.mustLink(ann, "1")
	if err := (dynamo.Tx{b.Removing(l)[0]}).Run(t.Context(), b.DB); err != nil { // a half
		t.Fatal(err)
	}
	if err := dynamo.Tx(b.Forgetting(ann.Subject, l.ID)).Run(t.Context(), b.DB); err != nil || len(b.list(ann)) != 0 {
		t.Errorf("Forgetting half a link = %v and leaves %v, want nothing", err, b.list(ann))
	}
	other := b.mustLink(bob, "2")
	if err := dynamo.Tx(b.Forgetting(ann.Subject, other.ID)).Run(t.Context(), b.DB); !dynamo.Failed(err) {
		t.Error("the deletion of ann ended a link of bob's")
	}
}

// The label of an account is cut to a short line of printable characters.
func TestLabelIsOnePrintableLine(t *testing.T) {
	b := newBench(t)
	for in, want := range map[string]string{
		"":                        "",
		"ann@example.com":         "ann@example.com",
		"Ann\n\x1b[2JExample":     "Ann[2JExample",
		"gpj.\u202eexe":           "gpj.exe",
		"a\xff\xfeb":              "ab",
		strings.Repeat("é", 101):  strings.Repeat("é", 100),
		strings.Repeat("a", 1000): strings.Repeat("a", 200),
	} {
		l, _, err := b.Adding(t.Context(), "usr_ann", external.Account{Issuer: issuer, Subject: "1", Label: in}, nil)
		if err != nil || l.Label != want {
			t.Errorf("Adding(%q) = %q, %v, want %q", in, l.Label, err, want)
		}
	}
}

// Items of a later release are read, and damaged ones are an error.
func TestOldAndNewItems(t *testing.T) {
	b := newBench(t)
	put := func(it dynamo.Item) {
		t.Helper()
		if _, err := b.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.Registry, Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	key := func() dynamo.Item { return external.AccountKey(external.ID(issuer, "1")) }
	first := key()
	first["user"], first["issuer"], first["later"] = dynamo.Text("usr_ann"), dynamo.Text(issuer), dynamo.Number(1)
	put(first)
	l, err := b.Find(t.Context(), issuer, "1")
	if want := (external.Link{ID: external.ID(issuer, "1"), Subject: "usr_ann", Issuer: issuer}); err != nil || *l != want {
		t.Errorf("Find of the shortest item = %+v, %v, want %+v", l, err, want)
	}
	broken := map[string]dynamo.Item{
		"nobody":         {"issuer": dynamo.Text(issuer)},
		"a number":       {"user": dynamo.Number(1), "issuer": dynamo.Text(issuer)},
		"another issuer": {"user": dynamo.Text("usr_ann"), "issuer": dynamo.Text("https://other.example.com")},
		"no issuer":      {"user": dynamo.Text("usr_ann")},
		"no time":        {"user": dynamo.Text("usr_ann"), "issuer": dynamo.Text(issuer), "created": dynamo.Text("today")},
	}
	for name, it := range broken {
		for k, v := range key() {
			it[k] = v
		}
		put(it)
		if l, err := b.Find(t.Context(), issuer, "1"); err == nil || errors.Is(err, external.ErrUnknown) {
			t.Errorf("Find of an item with %s = %+v, %v, want an error", name, l, err)
		}
	}
	mine := external.PersonKey("usr_ann", external.ID(issuer, "1"))
	mine["user"] = dynamo.Number(1)
	put(mine)
	if all, err := b.List(t.Context(), "usr_ann"); err == nil {
		t.Errorf("List of a broken item = %v, want an error", all)
	}
}

// together runs functions concurrently and returns their errors in order.
func together(run ...func() error) []error {
	errs := make([]error, len(run))
	var wg sync.WaitGroup
	for i, f := range run {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errs
}
