// Package sessiontest gives tests a session store over a real database. The test moves
// its clock, and injects faults into the wire between the store and the database.
package sessiontest

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// Noon is the time at which the clock of every bench starts.
var Noon = time.Date(2026, 11, 22, 12, 0, 0, 250e6, time.UTC)

// Bench is a store on empty tables.
type Bench struct {
	*session.Store
	Handles *session.Handles
	Wire    *Wire
	Clock   *Clock
	// Raw is the database without the wire.
	Raw *dynamodb.Client

	tb testing.TB
}

// New returns a bench that ends with the test.
func New(tb testing.TB) *Bench {
	tb.Helper()
	raw, name := enginetest.DB(tb)
	document, err := generate()
	if err != nil {
		tb.Fatal(err)
	}
	b := &Bench{Raw: raw, Clock: &Clock{now: Noon}, Wire: &Wire{next: raw.Options().HTTPClient}, tb: tb}
	db := dynamodb.New(raw.Options(), func(o *dynamodb.Options) {
		o.HTTPClient = b.Wire
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxBackoff = 2 * time.Millisecond
			o.RateLimiter = unlimited{}
		})
	})
	b.Store = &session.Store{
		DB: db, Sessions: name(contract.Sessions), Registry: name(contract.Registry),
		Trail: &audit.Trail{Table: name(contract.Audit), Days: 30, Now: b.Clock.tick}, Now: b.Clock.Tell,
	}
	b.Handles = &session.Handles{Region: "eu-central-1", Keys: func(_ context.Context, id string) (*keys.MACKey, error) {
		if id == "" {
			return document.Minting(b.Clock.Now())
		}
		return document.MACKey(id)
	}}
	return b
}

// generate makes one document for all benches, since RSA keys are slow to make.
var generate = sync.OnceValues(func() (*keys.Document, error) { return keys.Generate(Noon) })

// unlimited lets the SDK retry regardless of earlier failures, since the tests make
// every call fail.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

// User puts a user into the registry and returns the subject.
func (b *Bench) User() string {
	b.tb.Helper()
	subject := "usr_" + ulid.MustNew(ulid.Timestamp(Noon), rand.Reader).String()
	it := dynamo.UserKey(subject)
	it[dynamo.AttrRevision] = dynamo.Number(1)
	if _, err := b.Raw.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &b.Registry, Item: it}); err != nil {
		b.tb.Fatal(err)
	}
	return subject
}

// Grant creates a grant for the client "app" with the changes of change.
func (b *Bench) Grant(subject string, change func(*session.NewGrant)) *session.Grant {
	b.tb.Helper()
	n := session.NewGrant{
		Subject: subject, Client: "app", Scope: "notes.read offline_access", Audience: []string{"https://notes.example.com"},
		AuthTime: b.Clock.Now(), AMR: []string{"pwd"}, Idle: 24 * time.Hour, Absolute: 30 * 24 * time.Hour,
		ClientInfo: session.NewClientInfo("203.0.113.9", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
		RequestID:  "r-create",
	}
	if change != nil {
		change(&n)
	}
	g, err := b.CreateGrant(context.Background(), n)
	if err != nil {
		b.tb.Fatalf("CreateGrant: %v", err)
	}
	return g
}

// Token returns the refresh token of a generation of a grant, as text.
func (b *Bench) Token(g *session.Grant, generation uint32) string {
	b.tb.Helper()
	text, err := b.Handles.Mint(context.Background(), g.Subject, g.ID, generation)
	if err != nil {
		b.tb.Fatalf("Mint: %v", err)
	}
	return text
}

// Refresh presents the refresh token of a generation of a grant, as the client "app"
// with a grace of 30 s, and with the changes of change.
func (b *Bench) Refresh(g *session.Grant, generation uint32, change func(*session.RefreshRequest)) (*session.Grant, session.Outcome, error) {
	r := session.RefreshRequest{
		Handle: session.Handle{Subject: g.Subject, Grant: g.ID, Generation: generation},
		Client: "app", Idle: 24 * time.Hour, Grace: 30 * time.Second, RequestID: "r-refresh",
	}
	if change != nil {
		change(&r)
	}
	return b.Store.Refresh(context.Background(), r)
}

// Entry is the part of an audit entry that tests compare.
type Entry struct{ Action, Object, Why string }

// Entries returns the audit entries about a subject, in the order of their ids.
func (b *Bench) Entries(subject string) []Entry {
	b.tb.Helper()
	out, err := b.Raw.Query(context.Background(), &dynamodb.QueryInput{
		TableName: &b.Trail.Table, IndexName: new(contract.AuditBySub), KeyConditionExpression: new("#s = :s"),
		ExpressionAttributeNames:  map[string]string{"#s": contract.AuditSub},
		ExpressionAttributeValues: map[string]types.AttributeValue{":s": &types.AttributeValueMemberS{Value: subject}},
	})
	if err != nil {
		b.tb.Fatal(err)
	}
	var all []Entry
	for _, it := range out.Items {
		detail, _ := it["detail"].(*types.AttributeValueMemberM)
		e := Entry{Action: textOf(it["action"]), Object: textOf(it["object"])}
		if detail != nil {
			e.Why = textOf(detail.Value["why"])
		}
		all = append(all, e)
	}
	return all
}

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// Clock is a clock that stands still until [Clock.Turn] moves it. It is safe for
// concurrent use.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	last time.Time // that tick returned
}

// Now returns the time of the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Tell is [Clock.Now], for the Now field of a store.
func (c *Clock) Tell(context.Context) time.Time { return c.Now() }

// Turn moves the clock forward.
func (c *Clock) Turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// tick returns the time of the clock or a little later, and never the same time twice,
// so that audit entries have an order.
func (c *Clock) tick(context.Context) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last = c.last.Add(time.Millisecond); c.last.Before(c.now) {
		c.last = c.now
	}
	return c.last
}

// Parallel runs f n times at once, as far as there are processors.
func Parallel(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}
