package session

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/listtest"
)

const (
	someGrant = "01KAWG6V0000000000000000G1"
	someLogin = "01KAWG6V0000000000000000H2"
)

// TestEveryFieldOfAGrantIsStored: what a refresh and an end write by attribute is
// among it.
func TestEveryFieldOfAGrantIsStored(t *testing.T) {
	for name, bind := range map[string]func(*Grant){
		"of a client with a key":    func(g *Grant) { g.Bound = false },
		"of a client with a secret": func(g *Grant) { g.JKT = "" },
	} {
		t.Run(name, func(t *testing.T) {
			want := listtest.Filled(func(g *Grant) { bind(g); g.ID = someGrant })
			it := encodeGrant(want)
			it[attrRotated], it[attrTurn] = dynamo.Millis(want.Used), dynamo.Bytes(want.turn)
			it[attrEnded], it[attrWhy] = dynamo.Seconds(want.Ended), dynamo.Text(want.Why)
			got, err := decodeGrant(it)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range listtest.Differences(got, want) {
				t.Errorf("%s of a grant is lost when it is stored", name)
			}
			listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
				_, err := decodeGrant(it)
				return err
			}, "ttl")
			listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
				_, err := decodeLogin(it)
				return err
			}, "ttl")
			const layout = "abs N, agent S, amr L S, aud L S, auth_time N, bind S, browser S, client S, created N, ended N, gen N, idle N, ip S, " +
				"login S, notify BOOL, pk sub#, rotated N, scope S, sk grant#, state S, ttl N, turn B, why S"
			if got := listtest.Layout(it); got != layout {
				t.Errorf("the item of a grant consists of\n%s, want what earlier releases wrote\n%s", got, layout)
			}
			if got, want := it.Number("ttl"), want.Absolute.Add(kept).Unix(); got != want {
				t.Errorf("ttl = %d, want %d", got, want)
			}
		})
	}
}

func TestEveryFieldOfALoginIsStored(t *testing.T) {
	want := listtest.Filled(func(l *Login) { l.ID = someLogin })
	it := encodeLogin(want)
	got, err := decodeLogin(it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(got, want) {
		t.Errorf("%s of a login is lost when it is stored", name)
	}
	const layout = "abs N, agent S, amr L S, auth_gen N, auth_time N, created N, hash B, idle N, ip S, pk sub#, proved N, sk login#, state S, ttl N, used N"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of a login consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
}

// TestAbsenceHasAMeaning: a grant that was never refreshed was used when it was
// created, and a login of an earlier release was proved when its id was made.
func TestAbsenceHasAMeaning(t *testing.T) {
	grant := encodeGrant(listtest.Filled(func(g *Grant) { g.ID = someGrant }))
	if g, err := decodeGrant(grant); err != nil || !g.Used.Equal(g.Created) || g.Why != "" || !g.Ended.IsZero() {
		t.Errorf("a grant that was never refreshed = %+v, %v, want it used when it was created", g, err)
	}
	login := encodeLogin(listtest.Filled(func(l *Login) { l.ID = someLogin }))
	delete(login, attrProved)
	made := ulid.Time(ulid.MustParse(someLogin).Time())
	if l, err := decodeLogin(login); err != nil || !l.Proved.Equal(made) {
		t.Errorf("a login without a time of its proof = %+v, %v, want it proved at %v", l, err, made)
	}
}

// TestARenewalWritesEveryFieldOfALogin but the state, and when it began.
func TestARenewalWritesEveryFieldOfALogin(t *testing.T) {
	next := listtest.Filled(func(l *Login) { l.ID = someLogin })
	s := &Store{Now: func(context.Context) time.Time { return time.Now() }}
	var written, stored []string
	for attribute := range encodeLogin(next) {
		if attribute != "pk" && attribute != "sk" && attribute != attrState && attribute != attrCreated {
			stored = append(stored, attribute)
		}
	}
	for attribute, value := range s.renewing(t.Context(), next, next).Sets() {
		if reflect.DeepEqual(value, encodeLogin(next)[attribute]) {
			written = append(written, attribute)
		}
	}
	listtest.Agree(t, "the write of a renewal", written, "the item of a login", stored)
}

// TestEveryFieldOfACodeIsCarried: also that of none.
func TestEveryFieldOfACodeIsCarried(t *testing.T) {
	for name, want := range map[string]*Code{
		"full":  listtest.Filled(func(c *Code) { c.Grant, c.Login = someGrant, someLogin }),
		"empty": {Grant: someGrant, AuthTime: time.Unix(0, 0).UTC(), Expires: time.Unix(0, 0).UTC()},
	} {
		content, err := encodeCode(want, "eu-central-1")
		if err != nil {
			t.Fatal(err)
		}
		got, region, ok := decodeCode(content)
		if !ok || region != "eu-central-1" {
			t.Errorf("decodeCode(%s) = %q, %t, want the region and that it is whole", name, region, ok)
		}
		for _, field := range listtest.Differences(got, want) {
			t.Errorf("%s of a code is lost on the way (%s)", field, name)
		}
	}
}
