package registry_test

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/tools/registry"
)

const issuer = "https://id.example.com"

// furnish gives a user an authenticator app and the given numbers of passkeys,
// linked accounts and consents.
func (b bench) furnish(u *identity.User, passkeys, links, consents int) {
	b.t.Helper()
	put := func(sk string) {
		it := dynamo.UserKey(u.Subject)
		it["sk"] = dynamo.Text(sk)
		if _, err := b.DB.PutItem(b.t.Context(), &dynamodb.PutItemInput{TableName: &b.Table, Item: it}); err != nil {
			b.t.Fatal(err)
		}
	}
	for i := range passkeys {
		put(fmt.Sprintf("passkey#%064x", i))
	}
	put("otp")
	put("later#1") // of a later release
	accounts := &external.Store{DB: b.DB, Registry: b.Table, Now: httpapi.Now}
	for i := range links {
		_, writes, err := accounts.Adding(b.t.Context(), u.Subject, external.Account{Issuer: issuer, Subject: fmt.Sprint(u.UserName, i)}, nil)
		if err == nil {
			err = dynamo.Tx(writes).Run(b.t.Context(), b.DB)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	allowed := &consent.Store{DB: b.DB, Registry: b.Table, Trail: b.Trail, Now: httpapi.Now}
	for i := range consents {
		err := allowed.Give(b.t.Context(), consent.Place{Subject: u.Subject, Client: fmt.Sprint("client", i)}, []string{"read"}, "")
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// left are the keys in the registry table.
func (b bench) left() []string {
	b.t.Helper()
	var keys []string
	for _, it := range b.scan(b.Table) {
		keys = append(keys, str(it[contract.PK])+" "+str(it[contract.SK]))
	}
	slices.Sort(keys)
	return keys
}

// actions counts the entries of the trail by action.
func (b bench) actions() map[string]int {
	b.t.Helper()
	n := map[string]int{}
	for _, line := range b.trail() {
		n[strings.Fields(line)[1]]++
	}
	return n
}

// The transaction that deletes a user deletes everything that belongs to them, and
// nothing of another user.
func TestDeleteTakesEverything(t *testing.T) {
	b := newBench(t)
	b.apply("users: [{user_name: ann}, {user_name: bob}]", false)
	b.furnish(b.user("bob"), 2, 2, 2)
	want := slices.DeleteFunc(b.left(), func(key string) bool {
		return strings.HasPrefix(key, "user#"+b.user("ann").Subject) || key == "username#ann username"
	})
	b.furnish(b.user("ann"), 3, 3, 3)
	b.apply("users: [{user_name: bob}]", true)
	if got := b.left(); !reflect.DeepEqual(got, want) {
		t.Errorf("left after ann =\n%s\nwant what is bob's\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := b.actions(); got["user.delete"] != 1 || got["user.forget"] != 0 {
		t.Errorf("trail = %v, want one deletion and nothing beside it", got)
	}
	accounts := &external.Store{DB: b.DB, Registry: b.Table, Now: httpapi.Now}
	if l, err := accounts.Find(t.Context(), issuer, "ann0"); err == nil {
		t.Errorf("Find an account of ann = %+v, want none", l)
	}
}

// When a user has more items than fit into a transaction, the rest is deleted before
// it, each part with its audit entry. A second apply completes a deletion that the
// first one began.
func TestDeleteInParts(t *testing.T) {
	b := newBench(t)
	b.apply("users: [{user_name: ann}]", false)
	b.furnish(b.user("ann"), 20, 20, 180) // 2 + 20 + 40 + 180 writes
	writes := 0
	broken := b.faulty(func(next aws.HTTPClient, r *http.Request) (*http.Response, error) {
		if operation(r) == "TransactWriteItems" {
			if writes++; writes == 2 { // after the first part
				return &http.Response{
					StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
					Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}`)),
				}, nil
			}
		}
		return next.Do(r)
	})
	plan := broken.plan("users: []", true)
	err := broken.Apply(t.Context(), plan, func(registry.Applied) { t.Error("the deletion is reported as done") })
	if err == nil || !strings.Contains(err.Error(), "delete what belongs to usr_") {
		t.Errorf("Apply = %v, want it to say where it stopped", err)
	}
	if u := b.user("ann"); !u.Disabled || u.AuthGen != 1 {
		t.Errorf("ann = %+v, want her signed out and disabled", u)
	}
	if n := len(b.left()); n < 100 {
		t.Errorf("%d items are left, want most of them", n)
	}
	b.apply("users: []", true)
	if got := b.left(); len(got) != 0 {
		t.Errorf("left = %v, want nothing", got)
	}
	if got := b.actions(); got["user.delete"] != 1 || got["user.forget"] < 2 {
		t.Errorf("trail = %v, want one deletion and its parts", got)
	}
}

// An item that a request writes for a user during the deletion is deleted as well.
func TestDeleteTakesWhatComesLate(t *testing.T) {
	b := newBench(t)
	b.apply("users: [{user_name: ann}]", false)
	ann := b.user("ann")
	late := b.faulty(func(next aws.HTTPClient, r *http.Request) (*http.Response, error) {
		resp, err := next.Do(r)
		if err != nil || operation(r) != "Query" {
			return resp, err
		}
		if _, err := (&identity.Store{DB: b.DB, Registry: b.Table}).Get(r.Context(), ann.Subject); err == nil {
			// After the look, before the deletion.
			b.furnish(ann, 1, 0, 1)
		}
		return resp, nil
	})
	late.apply("users: []", true)
	if got := b.left(); len(got) != 0 {
		t.Errorf("left = %v, want nothing", got)
	}
}
