package identity_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

// change runs a change of a user's credentials based on u, and reports whether it was
// written.
func (b *bench) change(u *identity.User, c dynamo.Changes) bool {
	b.tb.Helper()
	err := (dynamo.Tx{b.Changing(u, c)}).Run(b.tb.Context(), b.DB)
	refused := errors.Is(err, identity.ErrChanged)
	if err != nil && !refused {
		b.tb.Fatal(err)
	}
	return !refused
}

// get reads a user.
func (b *bench) get(u *identity.User) *identity.User {
	b.tb.Helper()
	now, err := b.Get(b.tb.Context(), u.Subject)
	if err != nil {
		b.tb.Fatal(err)
	}
	return now
}

// Every change raises the counter of credentials, and sets and removes attributes.
func TestChangingRaisesTheCounter(t *testing.T) {
	b := newBench(t)
	u := b.add("ada", "an old owl in the attic")
	revision := u.Revision
	for i, tt := range []struct {
		change   dynamo.Changes
		otp, has bool
	}{
		{otp: false, has: true},
		{change: dynamo.Changes{Set: dynamo.Item{identity.AttrOTP: dynamo.Flag(true)}}, otp: true, has: true},
		{change: dynamo.Changes{Remove: []string{identity.AttrPassword}}, otp: true, has: false},
		{change: dynamo.Changes{Set: dynamo.Item{identity.AttrPassword: dynamo.Text(b.hash("another owl"))}, Remove: []string{identity.AttrOTP}}, otp: false, has: true},
	} {
		if !b.change(u, tt.change) {
			t.Fatalf("change %d was refused", i)
		}
		u = b.get(u)
		if u.Credentials != int64(i+1) || u.OTP != tt.otp || u.HasPassword() != tt.has {
			t.Errorf("after change %d: %d changes, app %t, password %t, want %d, %t, %t", i, u.Credentials, u.OTP, u.HasPassword(), i+1, tt.otp, tt.has)
		}
	}
	// The revision is unchanged, and no session ends.
	if u.Revision != revision || u.AuthGen != 0 {
		t.Errorf("revision %d and auth_gen %d, want %d and 0", u.Revision, u.AuthGen, revision)
	}
}

// hash returns the stored form of a password.
func (b *bench) hash(password string) string {
	b.tb.Helper()
	hash, err := b.Hash(b.tb.Context(), password)
	if err != nil {
		b.tb.Fatal(err)
	}
	return hash
}

func TestChangingRefuses(t *testing.T) {
	for name, meanwhile := range map[string]func(map[string]types.AttributeValue){
		"changed in another tab": func(it map[string]types.AttributeValue) { it[dynamo.AttrCredentials] = dynamo.Number(4) },
		"never changed":          func(it map[string]types.AttributeValue) { delete(it, dynamo.AttrCredentials) },
		"signed out everywhere":  func(it map[string]types.AttributeValue) { it[dynamo.AttrAuthGen] = dynamo.Number(3) },
		"never signed out":       func(it map[string]types.AttributeValue) { delete(it, dynamo.AttrAuthGen) },
		"disabled":               func(it map[string]types.AttributeValue) { it[dynamo.AttrDisabled] = dynamo.Flag(true) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			u := b.add("ada", "", func(it map[string]types.AttributeValue) {
				it[dynamo.AttrCredentials], it[dynamo.AttrAuthGen], it[dynamo.AttrDisabled] = dynamo.Number(3), dynamo.Number(2), dynamo.Flag(false)
			})
			it := b.item(u)
			meanwhile(it)
			b.put(it)
			if b.change(u, dynamo.Changes{Set: dynamo.Item{identity.AttrOTP: dynamo.Flag(true)}}) {
				t.Errorf("the change happened, to %v", b.item(u))
			}
			if now := b.item(u); now[identity.AttrOTP] != nil {
				t.Errorf("user = %v, want no app", now)
			}
		})
	}
}

// A change does not recreate a user that an operator has deleted.
func TestChangingDoesNotRecreateADeletedUser(t *testing.T) {
	b := newBench(t)
	u := b.add("ada", "")
	if _, err := b.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &b.Registry, Key: dynamo.UserKey(u.Subject)}); err != nil {
		t.Fatal(err)
	}
	if b.change(u, dynamo.Changes{}) || len(b.item(u)) != 0 {
		t.Errorf("user = %v, want no item", b.item(u))
	}
}

// When two tabs each remove one of the last two ways to sign in, one of them fails with
// ErrChanged.
func TestOneOfTwoConcurrentChangesFails(t *testing.T) {
	b := newBench(t)
	u := b.add("ada", "")
	b.DB = dynamodb.New(b.DB.Options(), func(o *dynamodb.Options) { o.HTTPClient = o.HTTPClient.(counter).HTTPClient })
	const tabs = 8
	var done [tabs]bool
	var all sync.WaitGroup
	for i := range tabs {
		all.Go(func() { done[i] = (dynamo.Tx{b.Changing(u, dynamo.Changes{})}).Run(t.Context(), b.DB) == nil })
	}
	all.Wait()
	n := 0
	for _, ok := range done {
		if ok {
			n++
		}
	}
	if n != 1 || b.get(u).Credentials != 1 {
		t.Errorf("%d of %d changes happened, and %d are counted, want 1", n, tabs, b.get(u).Credentials)
	}
}

// bodies keeps the bodies of requests.
type bodies struct {
	aws.HTTPClient
	sent *[]string
}

func (c bodies) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	*c.sent = append(*c.sent, string(body))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return c.HTTPClient.Do(r)
}

// Find reads the user item consistently. An outdated read could miss a second step that
// was just added, and adding one does not raise auth_gen.
func TestFindSeesTheSecondStep(t *testing.T) {
	b := newBench(t)
	u := b.add("ada", "")
	if !b.change(u, dynamo.Changes{Set: dynamo.Item{identity.AttrOTP: dynamo.Flag(true)}}) {
		t.Fatal("the change was refused")
	}
	var sent []string
	b.DB = dynamodb.New(b.DB.Options(), func(o *dynamodb.Options) { o.HTTPClient = bodies{o.HTTPClient, &sent} })
	if found := b.find("ada"); !found.OTP {
		t.Errorf("Find = %+v, want an app", found)
	}
	if len(sent) != 2 || !strings.Contains(sent[1], `"ConsistentRead":true`) || !strings.Contains(sent[1], u.Subject) {
		t.Errorf("Find sent %q, want a consistent read of the user behind that of the name", sent)
	}
}
