package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// doneError is the failure of a write that can happen once.
type doneError string

func (e doneError) Error() string { return string(e) + " is done" }

// once is a write that can happen once, and then fails with a doneError.
func once(b *sessiontest.Bench, pk string) dynamo.Write {
	return dynamo.Create(b.Sessions, onceKey(pk)).Else(doneError(pk))
}

func onceKey(pk string) dynamo.Item { return dynamo.Key(pk, "x") }

func scan(t testing.TB, b *sessiontest.Bench, table string) []map[string]types.AttributeValue {
	t.Helper()
	return must(b.Raw.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: new(true)})).Items
}

// The additional writes of a grant belong to its transaction, with and without a login
// among the conditions.
func TestAlsoIsWrittenWithTheGrant(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	l, _ := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	n := session.NewGrant{Subject: subject, Client: "app", Idle: time.Hour, Absolute: time.Hour}
	for _, n.Login = range []string{"", l.ID} {
		first, second := once(b, "first"+n.Login), once(b, "second"+n.Login)
		n.Also = []dynamo.Write{second}
		var err error
		if took := b.Wire.Count(func() { _, err = b.CreateGrant(t.Context(), n) }); err != nil || len(took.Calls) != 1 {
			t.Fatalf("CreateGrant = %v, %v, want one transaction", err, took)
		}
		before := len(scan(t, b, b.Sessions))
		n.Also = []dynamo.Write{first, second}
		_, err = b.CreateGrant(t.Context(), n)
		if !errors.Is(err, doneError("second"+n.Login)) {
			t.Errorf("CreateGrant (login %q) = %v, want the failure of the second write", n.Login, err)
		}
		if after := len(scan(t, b, b.Sessions)); after != before {
			t.Errorf("there are %d items, %d before: something was written", after, before)
		}
	}
	n.Login, n.Also = "", make([]dynamo.Write, session.MaxAlso+1)
	if _, err := b.CreateGrant(t.Context(), n); err == nil {
		t.Errorf("CreateGrant with %d more writes = nil, want an error", len(n.Also))
	}
}

// A creation with evictions has room for the additional writes.
func TestAlsoWithEvictions(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	for range session.MaxItems {
		b.Grant(subject, nil)
	}
	g := b.Grant(subject, func(n *session.NewGrant) {
		n.Also = []dynamo.Write{once(b, "1"), once(b, "2"), once(b, "3"), once(b, "4")}
	})
	expect(t, b, g, true)
	_, err := b.CreateGrant(t.Context(), session.NewGrant{
		Subject: subject, Client: "app", Idle: time.Hour, Absolute: time.Hour, Also: []dynamo.Write{once(b, "5"), once(b, "4")},
	})
	if !errors.Is(err, doneError("4")) {
		t.Errorf("CreateGrant = %v, want the failure of the second write", err)
	}
}
