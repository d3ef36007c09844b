package consent_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

func newStore(t *testing.T) *consent.Store {
	t.Helper()
	db, table := enginetest.DB(t)
	now := func(context.Context) time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
	return &consent.Store{
		DB: db, Registry: table(contract.Registry), Now: now,
		Trail: &audit.Trail{Table: table(contract.Audit), Days: 30, Now: now},
	}
}

var place = consent.Place{
	Subject: "usr_ada", Client: "orders", RedirectURI: "https://orders.example.com/cb", Resources: []string{"https://a.example", "https://b.example"},
}

func covers(t *testing.T, s *consent.Store, p consent.Place, scopes ...string) bool {
	t.Helper()
	ok, err := s.Covers(t.Context(), p, scopes)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func give(t *testing.T, s *consent.Store, p consent.Place, scopes ...string) {
	t.Helper()
	if err := s.Give(t.Context(), p, scopes, "req-1"); err != nil {
		t.Fatal(err)
	}
}

func TestConsentCoversOnlyItsScopes(t *testing.T) {
	s := newStore(t)
	if covers(t, s, place) || covers(t, s, place, "read") {
		t.Error("a place without consent is allowed")
	}
	give(t, s, place, "read", "openid")
	for asked, want := range map[string]bool{"": true, "read": true, "openid": true, "openid read": true, "write": false, "read write": false, "READ": false, "rea": false} {
		if got := covers(t, s, place, strings.Fields(asked)...); got != want {
			t.Errorf("after read and openid were allowed, Covers(%q) = %v, want %v", asked, got, want)
		}
	}
	give(t, s, place, "write")
	if !covers(t, s, place, "read", "write", "openid") {
		t.Error("what was allowed in two steps is not allowed together")
	}
	same := place
	same.Resources = []string{"https://b.example", "https://a.example", "https://b.example"}
	if !covers(t, s, same, "read") {
		t.Error("the same resources in another order are another place")
	}
}

// TestMCPConfusedDeputy: a consent is for one user, client, redirect URI and set of
// resources. A request that shares three of the four has no consent.
func TestMCPConfusedDeputy(t *testing.T) {
	s := newStore(t)
	give(t, s, place, "read")
	for name, change := range map[string]func(*consent.Place){
		"another user":                        func(p *consent.Place) { p.Subject = "usr_eve" },
		"another client":                      func(p *consent.Place) { p.Client = "orders2" },
		"another redirect URI":                func(p *consent.Place) { p.RedirectURI = "https://evil.example/cb" },
		"a longer redirect URI":               func(p *consent.Place) { p.RedirectURI += "2" },
		"one resource more":                   func(p *consent.Place) { p.Resources = append(p.Resources[:2:2], "https://c.example") },
		"one resource less":                   func(p *consent.Place) { p.Resources = p.Resources[:1] },
		"no resource":                         func(p *consent.Place) { p.Resources = nil },
		"the same text, cut at another place": func(p *consent.Place) { p.Resources = []string{"https://a.exampl", "ehttps://b.example"} },
		"the redirect as a resource": func(p *consent.Place) {
			p.RedirectURI, p.Resources = "", append([]string{p.RedirectURI}, p.Resources...)
		},
	} {
		p := place
		change(&p)
		if covers(t, s, p, "read") || covers(t, s, p) {
			t.Errorf("%s: allowed, want to be asked", name)
		}
	}
}

// A client may ask only for the fact that the user signed in.
func TestConsentWithoutScopeCoversOnlyNone(t *testing.T) {
	s := newStore(t)
	give(t, s, place)
	if !covers(t, s, place) || covers(t, s, place, "read") {
		t.Error("a consent to nothing should cover nothing, and that")
	}
	give(t, s, place, "read")
	if !covers(t, s, place, "read") {
		t.Error("a consent to more than nothing is not remembered")
	}
}

// A consent is never stored without its audit entry.
func TestConsentIsNeverStoredWithoutItsEntry(t *testing.T) {
	s := newStore(t)
	give(t, s, place, "read", "openid")
	out, err := s.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.Trail.Table})
	if err != nil || len(out.Items) != 1 {
		t.Fatalf("the trail has %v, %v, want one entry", out.Items, err)
	}
	entry := out.Items[0]
	for name, want := range map[string]string{"action": "consent.give", "actor": "usr_ada", "sub": "usr_ada", "object": "client#orders", "outcome": "success", "request": "req-1"} {
		if got, _ := entry[name].(*types.AttributeValueMemberS); got == nil || got.Value != want {
			t.Errorf("entry[%s] = %v, want %s", name, entry[name], want)
		}
	}
	s.Trail.Table = "no-such-table"
	other := place
	other.Client = "billing"
	if err := s.Give(t.Context(), other, []string{"read"}, ""); err == nil {
		t.Error("Give without a trail = nil, want an error")
	}
	if covers(t, s, other, "read") {
		t.Error("a consent without an entry is remembered")
	}
}

// entries counts the audit entries with an action.
func entries(t *testing.T, s *consent.Store, action audit.Action) int {
	t.Helper()
	list, err := s.Trail.List(t.Context(), s.DB, audit.Query{Subject: "usr_ada", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range list {
		if e.Action == action {
			n++
		}
	}
	return n
}

// TestForgetRemovesAllPlacesOfOneClient: all places of a client are deleted, and no
// other client's.
func TestForgetRemovesAllPlacesOfOneClient(t *testing.T) {
	s := newStore(t)
	elsewhere, neighbour, eves, longer := place, place, place, place
	elsewhere.RedirectURI = "https://orders.example.com/other"
	neighbour.Client, longer.Client, eves.Subject = "order", "orders-2", "usr_eve"
	for _, p := range []consent.Place{place, elsewhere, neighbour, longer, eves} {
		give(t, s, p, "read")
	}
	for call, want := range []int{2, 0} { // the second time there is nothing left
		n, err := s.Forget(t.Context(), place.Subject, place.Client, "req-2")
		if err != nil || n != want {
			t.Errorf("call %d: Forget = %d, %v, want %d", call+1, n, err, want)
		}
	}
	for p, want := range map[*consent.Place]bool{&place: false, &elsewhere: false, &neighbour: true, &longer: true, &eves: true} {
		if got := covers(t, s, *p, "read"); got != want {
			t.Errorf("after %s of %s was forgotten, Covers(%+v) = %v, want %v", place.Client, place.Subject, *p, got, want)
		}
	}
	if n := entries(t, s, audit.ConsentForget); n != 1 {
		t.Errorf("the trail has %d entries of it, want 1", n)
	}
}

// TestForgetTakesSeveralTransactions: more places than one transaction can hold are all
// deleted.
func TestForgetTakesSeveralTransactions(t *testing.T) {
	s := newStore(t)
	const places = 120
	for i := range places {
		p := place
		p.RedirectURI = "https://orders.example.com/" + strings.Repeat("a", i)
		give(t, s, p)
	}
	if n, err := s.Forget(t.Context(), place.Subject, place.Client, ""); err != nil || n != places {
		t.Errorf("Forget = %d, %v, want %d", n, err, places)
	}
	if n, err := s.Forget(t.Context(), place.Subject, place.Client, ""); err != nil || n != 0 {
		t.Errorf("Forget = %d, %v, want none left", n, err)
	}
	if n := entries(t, s, audit.ConsentForget); n != 2 {
		t.Errorf("the trail has %d entries of it, want one for each of two transactions", n)
	}
}

// TestForgetReportsAnOutage: an outage gives an error and never a false success.
func TestForgetReportsAnOutage(t *testing.T) {
	s := newStore(t)
	give(t, s, place, "read")
	broken := *s
	broken.Trail = &audit.Trail{Table: "no-such-table", Now: s.Now}
	if n, err := broken.Forget(t.Context(), place.Subject, place.Client, ""); err == nil || n != 0 {
		t.Errorf("Forget without a trail = %d, %v, want an error", n, err)
	}
	if !covers(t, s, place, "read") {
		t.Error("it was forgotten without an entry")
	}
}
