package stack_test

import (
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/iam"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// TestAWSFails: when AWS calls fail, the answer always makes a client keep its tokens
// and try again. It is never invalid_client, never server_error, and never the
// gateway's timeout answer, which is no OAuth JSON. When AWS works again, so does the
// service.
func TestAWSFails(t *testing.T) {
	introspection := url.Values{"token": {"a.b.c"}}
	for name, tt := range map[string]struct {
		service  string // the AWS service that fails
		fault    iam.Fault
		path, id string
		form     url.Values
	}{
		"the registry throttles a token":           {"dynamodb", iam.Fault{Error: iam.Throttled}, "/token", fixture.Machine, orders},
		"the registry breaks under a token":        {"dynamodb", iam.Fault{Error: iam.Broken}, "/token", fixture.Machine, orders},
		"the registry hangs up on a token":         {"dynamodb", iam.Fault{Drop: true}, "/token", fixture.Machine, orders},
		"the registry does not answer a token":     {"dynamodb", iam.Fault{Delay: time.Minute}, "/token", fixture.Machine, orders},
		"the secret breaks under a token":          {"secretsmanager", iam.Fault{Error: iam.Broken}, "/token", fixture.Machine, orders},
		"the secret does not answer a token":       {"secretsmanager", iam.Fault{Delay: time.Minute}, "/token", fixture.Machine, orders},
		"the registry throttles a resource server": {"dynamodb", iam.Fault{Error: iam.Throttled}, "/introspect", fixture.OrdersServer, introspection},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t)
			s.Wall().Inject(func(c iam.Call) iam.Fault {
				if c.Service == tt.service {
					return tt.fault
				}
				return iam.Fault{}
			})
			a := post(t, s, tt.path, tt.id, tt.form)
			if a.status != http.StatusServiceUnavailable || a.object["error"] != "temporarily_unavailable" {
				t.Errorf("answer = %d %v, want 503 temporarily_unavailable", a.status, a.object)
			}
			if a.header.Get("Retry-After") == "" {
				t.Error("Retry-After is missing")
			}
			s.Wall().Inject(nil)
			eventually(t, "the service is back", func() bool {
				return post(t, s, tt.path, tt.id, tt.form).status == http.StatusOK
			})
		})
	}
}

// TestAWSFailsUnderASession: when the tables fail, every request of a session is
// answered with "try again", and afterwards the session still exists. In particular a
// revocation that was not written is not confirmed.
func TestAWSFailsUnderASession(t *testing.T) {
	for name, fault := range map[string]iam.Fault{
		"throttles": {Error: iam.Throttled}, "breaks": {Error: iam.Broken}, "meets transactions": {Error: iam.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t)
			held := refreshed(t, s, fixture.Phone, signIn(t, s, fixture.Phone).refresh)
			active(t, s, held.access)
			for what, ask := range map[string]func() answer{
				"refresh": func() answer {
					return post(t, s, "/refresh", fixture.Phone, url.Values{"refresh_token": {held.refresh}})
				},
				"revoke": func() answer {
					return post(t, s, "/revoke", fixture.Phone, url.Values{"token": {held.refresh}})
				},
				"introspect": func() answer {
					return post(t, s, "/introspect", fixture.OrdersServer, url.Values{"token": {held.access}})
				},
				"login": func() answer { return login(t, s, fixture.Phone, nil) },
			} {
				s.Wall().Inject(func(c iam.Call) iam.Fault {
					if c.Service == "dynamodb" && (fault.Error != iam.Conflict || writes(c)) {
						return fault
					}
					return iam.Fault{}
				})
				a := ask()
				s.Wall().Inject(nil)
				if what == "introspect" && fault.Error == iam.Conflict { // it writes nothing
					continue
				}
				if a.status != http.StatusServiceUnavailable || a.object["error"] != "temporarily_unavailable" || a.header.Get("Retry-After") == "" {
					t.Errorf("%s = %d %v, want 503 temporarily_unavailable with Retry-After", what, a.status, a.object)
				}
				if len(a.header.Values("Set-Cookie")) > 0 {
					t.Errorf("%s sets cookies %v, want the client to keep what it has", what, a.header.Values("Set-Cookie"))
				}
			}
			if !active(t, s, held.access) || !active(t, s, refreshed(t, s, fixture.Phone, held.refresh).access) {
				t.Error("after the outage the session is over")
			}
			signIn(t, s, fixture.Phone)
		})
	}
}

func writes(c iam.Call) bool {
	return c.Needs("dynamodb:UpdateItem") || c.Needs("dynamodb:PutItem")
}

// TestAWSHiccups: a call that fails twice and then works fails no request.
func TestAWSHiccups(t *testing.T) {
	s, _ := start(t)
	var calls atomic.Int64
	s.Wall().Inject(func(iam.Call) iam.Fault {
		if calls.Add(1)%3 != 0 {
			return iam.Fault{Error: iam.Broken}
		}
		return iam.Fault{}
	})
	if !active(t, s, token(t, s)) {
		t.Error("a token that took several tries is not active")
	}
	if calls.Load() < 3 {
		t.Errorf("%d calls were made, want some to fail", calls.Load())
	}
}
