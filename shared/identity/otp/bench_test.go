package otp_test

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/pquerna/otp/totp"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// The secrets of the tests are fixed: two random ones have the same code once in a
// million.
const (
	annSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // of RFC 6238, appendix B
	bobSecret = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"
)

const step = 30 * time.Second

// bench is users in a real table, with a clock and peppers that tests change.
type bench struct {
	*otp.Store
	tb       testing.TB
	now      time.Time
	peppers  []identity.Pepper // the newest last
	calls    []string
	sessions *session.Store
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	db, name := enginetest.DB(tb)
	b := &bench{
		tb: tb, now: time.Date(2026, 11, 22, 12, 0, 10, 0, time.UTC),
		peppers: []identity.Pepper{{ID: "PEPPER01", Key: []byte("first key of the stage")}},
	}
	now := func(context.Context) time.Time { return b.now }
	trail := &audit.Trail{Table: name(contract.Audit), Now: now}
	counted := dynamodb.New(db.Options(), func(o *dynamodb.Options) { o.HTTPClient = counter{o.HTTPClient, b} })
	people := &identity.Store{DB: db, Registry: name(contract.Registry), Peppers: b.pepper, Trail: trail, Now: now}
	b.Store = &otp.Store{DB: counted, Registry: name(contract.Registry), Peppers: b.pepper, People: people, Trail: trail, Now: now}
	b.sessions = &session.Store{DB: db, Sessions: name(contract.Sessions), Registry: name(contract.Registry), Trail: trail, Now: now}
	return b
}

// counter records every call.
type counter struct {
	aws.HTTPClient
	b *bench
}

func (c counter) Do(r *http.Request) (*http.Response, error) {
	if _, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); op == "GetItem" {
		c.b.calls = append(c.b.calls, op)
	}
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

// person puts a user without an app into the registry.
func (b *bench) person(name string) *identity.User {
	b.tb.Helper()
	u := &identity.User{Subject: identity.NewSubject(b.now), UserName: name, Revision: 1}
	b.put(identity.Encode(u))
	return b.get(u.Subject)
}

// enroll gives a user an app with that secret, and moves the clock past the time step of
// the code that confirmed it.
func (b *bench) enroll(name, secret string) (*identity.User, []string) {
	b.tb.Helper()
	u := b.person(name)
	codes, err := b.Add(b.tb.Context(), u, b.secret(secret), b.code(secret, 0), "request")
	if err != nil {
		b.tb.Fatalf("Add(%s) = %v", name, err)
	}
	b.now = b.now.Add(step)
	return b.get(u.Subject), codes
}

func (b *bench) get(subject string) *identity.User {
	b.tb.Helper()
	u, err := b.People.Get(b.tb.Context(), subject)
	if err != nil {
		b.tb.Fatal(err)
	}
	return u
}

func (b *bench) secret(text string) otp.Secret {
	b.tb.Helper()
	s, err := otp.ParseSecret(text)
	if err != nil {
		b.tb.Fatalf("ParseSecret(%q) = %v", text, err)
	}
	return s
}

// code returns the code of an app with a clock that is some time steps off.
func (b *bench) code(secret string, steps int) string {
	b.tb.Helper()
	code, err := totp.GenerateCode(secret, b.now.Add(time.Duration(steps)*step))
	if err != nil {
		b.tb.Fatal(err)
	}
	return code
}

// signIn is a sign-in with a code.
func (b *bench) signIn(u *identity.User, code string) (*otp.Accepted, error) {
	accepted, err := b.Check(b.tb.Context(), u, code)
	if err != nil {
		return nil, err
	}
	return accepted, b.use(u, accepted)
}

// use creates a login with the writes of a code in its transaction.
func (b *bench) use(u *identity.User, accepted *otp.Accepted) error {
	_, _, err := b.sessions.CreateLogin(b.tb.Context(), session.NewLogin{
		Subject: u.Subject, AuthGen: u.AuthGen, AuthTime: b.now, AMR: []string{"pwd"}, Also: []dynamo.Write{accepted.Use},
	})
	return err
}

func (b *bench) put(it dynamo.Item) {
	b.tb.Helper()
	if _, err := b.DB.PutItem(b.tb.Context(), &dynamodb.PutItemInput{TableName: &b.Registry, Item: it}); err != nil {
		b.tb.Fatal(err)
	}
}

// stored returns the item of a user's app.
func (b *bench) stored(u *identity.User) dynamo.Item {
	b.tb.Helper()
	out, err := b.DB.GetItem(b.tb.Context(), &dynamodb.GetItemInput{
		TableName: &b.Registry, Key: dynamo.Key("user#"+u.Subject, "otp"), ConsistentRead: new(true),
	})
	if err != nil {
		b.tb.Fatal(err)
	}
	return out.Item
}

// with returns a copy of an item with another value of one attribute.
func with(it dynamo.Item, name string, value types.AttributeValue) dynamo.Item {
	it = maps.Clone(it)
	it[name] = value
	return it
}

// entries returns the actions of the audit entries about a user.
func (b *bench) entries(u *identity.User) []string {
	b.tb.Helper()
	list, err := b.Trail.List(b.tb.Context(), b.DB, audit.Query{Subject: u.Subject, Limit: 100})
	if err != nil {
		b.tb.Fatal(err)
	}
	var all []string
	for _, e := range list {
		if e.Actor != u.Subject || e.Outcome != audit.Success {
			b.tb.Errorf("entry %s is of %q, %s, want of the user, success", e.Action, e.Actor, e.Outcome)
		}
		all = append(all, string(e.Action))
	}
	return all
}
