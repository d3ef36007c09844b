package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// coded is a signed-in user with an authorization code for the client "app".
type coded struct {
	*sessiontest.Bench
	login *session.Login
	codes *session.Codes
	text  string
}

// newCoded issues a code with that scope.
func newCoded(t testing.TB, scope string) *coded {
	t.Helper()
	b := sessiontest.New(t)
	c := &coded{Bench: b, codes: &session.Codes{Keys: b.Handles.Keys, Region: b.Handles.Region, Now: b.Clock.Tell}}
	c.login, _ = must2(b.CreateLogin(context.Background(), session.NewLogin{Subject: b.User(), AuthTime: b.Clock.Now(), AMR: []string{"pwd"}}))
	l := c.login
	c.text = must(c.codes.Seal(context.Background(), session.Code{
		Subject: l.Subject, AuthGen: l.AuthGen, Login: l.ID, LoginEnds: l.Absolute, Client: session.DigestOf("app"),
		Scope: scope, Audience: []string{"https://notes.example.com"}, AuthTime: l.AuthTime, AMR: l.AMR,
	}))
	return c
}

func (c *coded) redeem() (*session.Grant, error) {
	ctx := context.Background()
	return c.Redeem(ctx, must(c.codes.Open(ctx, c.text)), session.RedeemRequest{
		Client: "app", Idle: 24 * time.Hour, Absolute: 30 * 24 * time.Hour, RequestID: "r-redeem",
	})
}

const offline = "openid offline_access notes.read"

func TestRedeemCreatesTheGrantOfTheCode(t *testing.T) {
	c := newCoded(t, offline)
	code := must(c.codes.Open(t.Context(), c.text))
	g, err := c.redeem()
	if err != nil {
		t.Fatal(err)
	}
	read := must(c.Store.Grant(t.Context(), g.Subject, code.Grant))
	if read.Client != "app" || read.Scope != offline || !slices.Equal(read.Audience, code.Audience) || read.Generation != 1 ||
		!read.AuthTime.Equal(c.login.AuthTime) || !slices.Equal(read.AMR, []string{"pwd"}) || read.Login != "" ||
		!read.Absolute.Equal(read.Created.Add(30*24*time.Hour)) {
		t.Errorf("grant = %+v, want what the code says, hanging on no login", read)
	}
	if entries := c.Entries(g.Subject); len(entries) != 2 || entries[1] != (sessiontest.Entry{Action: "grant.create", Object: "grant#" + g.ID}) {
		t.Errorf("entries = %v, want the creation of the grant after that of the login", entries)
	}
	if _, err := c.EndLogin(t.Context(), g.Subject, c.login.ID, revoked); err != nil {
		t.Fatal(err)
	}
	expect(t, c.Bench, g, true)
}

// Without offline_access a grant ends with its login, and lives no longer than the login
// could.
func TestRedeemUnderLogin(t *testing.T) {
	c := newCoded(t, "openid notes.read")
	c.Clock.Turn(30 * time.Second)
	g, err := c.redeem()
	if err != nil {
		t.Fatal(err)
	}
	if g.Login != c.login.ID || g.Absolute.After(c.login.Absolute) || g.Idle.After(c.login.Absolute) {
		t.Errorf("grant = %+v, want one that ends with the login at %v", g, c.login.Absolute)
	}
	if ended, err := c.EndLogin(t.Context(), g.Subject, c.login.ID, revoked); err != nil || ended != 2 {
		t.Errorf("EndLogin = %d, %v, want both ended", ended, err)
	}
	expect(t, c.Bench, g, false)
}

// Keycloak CVE-2026-16103: a code is refused after any change of the user or the login
// between code and token.
func TestRedeemAfterChanges(t *testing.T) {
	yes := map[string]types.AttributeValue{":v": &types.AttributeValueMemberBOOL{Value: true}}
	tests := []struct {
		name   string
		change func(*coded)
		want   error
	}{
		{"the user is disabled", func(c *coded) { setUser(c.Bench, c.login.Subject, "SET disabled = :v", yes) }, session.ErrStale},
		{"the user is signed out everywhere", func(c *coded) {
			must(c.EndAll(context.Background(), c.login.Subject, revoked))
		}, session.ErrStale},
		{"the user logs out", func(c *coded) {
			must(c.EndLogin(context.Background(), c.login.Subject, c.login.ID, revoked))
		}, session.ErrEnded},
	}
	for _, tt := range tests {
		for _, scope := range []string{offline, "openid"} {
			t.Run(tt.name+" "+scope, func(t *testing.T) {
				c := newCoded(t, scope)
				tt.change(c)
				if g, err := c.redeem(); !errors.Is(err, tt.want) {
					t.Errorf("Redeem = %+v, %v, want %v", g, err, tt.want)
				}
				for _, i := range must(c.List(t.Context(), c.login.Subject)) {
					if i.Kind == session.KindGrant {
						t.Errorf("%+v is there", i)
					}
				}
			})
		}
	}
}

// A second redemption of a code ends the grant of the first, in any state of that grant
// (Zitadel CVE-2025-46815).
func TestRedeemTwice(t *testing.T) {
	between := map[string]func(*coded, *session.Grant){
		"at once":         func(*coded, *session.Grant) {},
		"after a refresh": func(c *coded, g *session.Grant) { refreshed(1)(c.Bench, g) },
		"after the logout": func(c *coded, g *session.Grant) {
			must(c.EndLogin(context.Background(), g.Subject, c.login.ID, revoked))
		},
		"after its own end":    func(c *coded, g *session.Grant) { end(c.Bench, g) },
		"for the second time":  func(c *coded, _ *session.Grant) { _, _ = c.redeem() },
		"at the last possible": func(c *coded, _ *session.Grant) { c.Clock.Turn(session.CodeLife - time.Second) },
	}
	for name, happen := range between {
		t.Run(name, func(t *testing.T) {
			c := newCoded(t, offline)
			g, err := c.redeem()
			if err != nil {
				t.Fatal(err)
			}
			happen(c, g)
			second, err := c.redeem()
			reuse, reused := errors.AsType[*session.ReuseError](err)
			if !reused || reuse.Grant != g.ID || reuse.Generation != 0 || !strings.Contains(reuse.Error(), "code") {
				t.Errorf("Redeem = %+v, %v, want a ReuseError about the grant", second, err)
			}
			expect(t, c.Bench, g, false)
			ends := slices.DeleteFunc(c.Entries(g.Subject), func(e sessiontest.Entry) bool { return e.Action != "grant.end" && e.Action != "login.end" })
			why := session.CodeReplayed
			if name == "after its own end" {
				why = session.Revoked
			}
			if last := ends[len(ends)-1]; last.Why != why || name != "after the logout" && len(ends) != 1 {
				t.Errorf("ends = %v, want one because of %q", ends, why)
			}
		})
	}
}

// Exactly one of concurrent redemptions creates a grant, and that grant has ended when
// the others return.
func TestConcurrentRedemptions(t *testing.T) {
	for _, n := range []int{4, 16} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := newCoded(t, offline)
			var given, reused, busy atomic.Int32
			sessiontest.Parallel(n, func(int) {
				_, err := c.redeem()
				_, is := errors.AsType[*session.ReuseError](err)
				switch {
				case err == nil:
					given.Add(1)
				case is:
					reused.Add(1)
				case errors.Is(err, dynamo.ErrBusy):
					busy.Add(1)
				default:
					t.Errorf("Redeem = %v, want a grant or a ReuseError", err)
				}
			})
			if given.Load() != 1 || reused.Load() == 0 || given.Load()+reused.Load()+busy.Load() != int32(n) {
				t.Errorf("%d redemptions gave %d grants, %d were noticed and %d were told to try again; want 1 grant, and the others noticed",
					n, given.Load(), reused.Load(), busy.Load())
			}
			if items := must(c.List(t.Context(), c.login.Subject)); len(items) != 1 || items[0].Kind != session.KindLogin {
				t.Errorf("%v is live, want the login only", items)
			}
		})
	}
}

// When a response is lost, the SDK repeats the transaction, and it counts once.
func TestRedeemUnderFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault func(sessiontest.Call) sessiontest.Fault
		fails error
	}{
		{name: "answer lost", fault: first(1, "TransactWriteItems", sessiontest.Fault{Drop: true})},
		{name: "conflict", fault: first(2, "TransactWriteItems", sessiontest.Fault{Error: "TransactionConflict"})},
		{name: "throttled", fault: first(2, "TransactWriteItems", sessiontest.Fault{Error: "ThrottlingError"})},
		{name: "throttled for good", fault: first(1000, "TransactWriteItems", sessiontest.Fault{Error: "ThrottlingError"}), fails: dynamo.ErrBusy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCoded(t, offline)
			c.Wire.Inject(tt.fault)
			if _, err := c.redeem(); !errors.Is(err, tt.fails) {
				t.Errorf("Redeem = %v, want %v", err, tt.fails)
			}
			c.Wire.Inject(nil)
			if live := must(c.List(t.Context(), c.login.Subject)); (len(live) == 2) != (tt.fails == nil) {
				t.Errorf("%v is live", live)
			}
			if tt.fails != nil {
				// Nothing was written, so the code stays valid.
				if _, err := c.redeem(); err != nil {
					t.Errorf("Redeem afterwards = %v", err)
				}
			}
		})
	}
}

func TestRedeemCost(t *testing.T) {
	c := newCoded(t, offline)
	got := c.Wire.Count(func() { must(c.redeem()) })
	// The user, the login, the grant and the count, and the entry with its index.
	if calls := strings.Join(got.Calls, " "); calls != "TransactWriteItems" || got.Write != 4*2+3 || got.Read != 0 {
		t.Errorf("Redeem took %v, want one transaction of 11 write units", got)
	}
	none := c.Wire.Count(func() {
		c.Clock.Turn(session.CodeLife)
		for _, text := range []string{c.text, "tsc_x", strings.ToUpper(c.text)} {
			if _, err := c.codes.Open(t.Context(), text); err == nil {
				t.Errorf("Open(%q) = nil, want an error", text)
			}
		}
	})
	if len(none.Calls) != 0 {
		t.Errorf("Open took %v, want no call", none)
	}
}

// The stored items do not contain the code, nor what a refresh token is made of.
func TestNothingOfACodeIsStored(t *testing.T) {
	c := newCoded(t, offline)
	must(c.redeem())
	for _, table := range []string{c.Sessions, c.Registry, c.Trail.Table} {
		for _, it := range scan(t, c.Bench, table) {
			for name, v := range it {
				if strings.Contains(plain(v), c.text[4:40]) || strings.Contains(plain(v), "tsc_") {
					t.Errorf("attribute %s in %s holds the code", name, table)
				}
			}
		}
	}
}
