package stack_test

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/iam"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// TestRefreshAtOnce: parallel requests with one refresh token all get the same next
// one, and the next round goes on with it.
func TestRefreshAtOnce(t *testing.T) {
	s, _ := start(t)
	for _, tt := range []struct {
		client      string
		many, times int
	}{
		{fixture.Phone, 2, 50},
		{fixture.Phone, 8, 50},
		{fixture.Phone, 50, 10},
		{fixture.Backend, 8, 20},
	} {
		t.Run(fmt.Sprintf("%s, %d at once", tt.client, tt.many), func(t *testing.T) {
			presented := signIn(t, s, tt.client).refresh
			for round := range tt.times {
				next := together(t, s, tt.client, presented, tt.many)
				if len(next) != 1 || next[presented] > 0 {
					t.Fatalf("round %d: %d refreshes gave the tokens %v, want the same new one for all", round, tt.many, next)
				}
				for presented = range next {
				}
			}
			if !active(t, s, refreshed(t, s, tt.client, presented).access) {
				t.Errorf("after %d rounds the session is over", tt.times)
			}
		})
	}
}

// together presents one token in parallel requests and counts the tokens of the
// answers.
func together(t *testing.T, s *fixture.Stack, client, presented string, many int) map[string]int {
	t.Helper()
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		next = map[string]int{}
	)
	for range many {
		all.Go(func() {
			a, err := refresh(t.Context(), s, client, presented)
			if err != nil || a.status != 200 {
				t.Errorf("one of %d refreshes at once = %d %v (%v), want 200", many, a.status, a.object, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			next[tokensOf(a).refresh]++
		})
	}
	all.Wait()
	return next
}

// TestLostAnswers: a client that hangs up before the answer to a refresh can repeat it
// with the same token, even while the first request is still being served.
func TestLostAnswers(t *testing.T) {
	s, _ := start(t)
	for _, client := range []string{fixture.Phone, fixture.Backend} {
		t.Run(client, func(t *testing.T) {
			presented := signIn(t, s, client).refresh
			for round := range 50 {
				before := s.Invocations(contract.Refresh.Name)
				hangUp(t, s, client, presented)
				if round%2 == 0 {
					arrived(t, s, before+1)
				}
				presented = refreshed(t, s, client, presented).refresh
				arrived(t, s, before+2)
			}
		})
	}
}

// arrived waits until the given number of refreshes have been served. A request that
// is delayed until the client has refreshed twice would look like a thief's.
func arrived(t *testing.T, s *fixture.Stack, refreshes int64) {
	t.Helper()
	eventually(t, "the refresh without a listener arrives", func() bool {
		return s.Invocations(contract.Refresh.Name) >= refreshes
	})
	logged(t, s, contract.Refresh.Name)
}

// hangUp sends a refresh and closes the connection without reading.
func hangUp(t *testing.T, s *fixture.Stack, client, presented string) {
	t.Helper()
	form := url.Values{"refresh_token": {presented}, "client_id": {client}}
	if secret := s.Secrets[client]; secret != "" {
		form.Set("client_secret", secret)
	}
	body := form.Encode()
	address := strings.TrimPrefix(s.BaseURL(), "http://")
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		contract.Refresh.Path(), address, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
}

// TestLostReplies: DynamoDB carries out every other write and loses the reply. The SDK
// repeats the write, and its condition fails because of the first one. The refresh
// still succeeds.
func TestLostReplies(t *testing.T) {
	s, _ := start(t)
	presented := signIn(t, s, fixture.Phone).refresh
	var writes, lost atomic.Int64
	s.Wall().Inject(func(c iam.Call) iam.Fault {
		if !c.Needs("dynamodb:UpdateItem") || writes.Add(1)%2 == 0 {
			return iam.Fault{}
		}
		lost.Add(1)
		return iam.Fault{Drop: true}
	})
	const rounds = 8
	for range rounds {
		presented = refreshed(t, s, fixture.Phone, presented).refresh
	}
	if lost.Load() < rounds {
		t.Errorf("%d replies were lost, want %d at least: does the test still lose any?", lost.Load(), rounds)
	}
	for _, line := range logged(t, s, contract.Refresh.Name) {
		if line["outcome"] != "rotated" {
			t.Errorf("a refresh was %v, want each to know its own write", line["outcome"])
		}
	}
}

// TestRefreshByAnotherClient: another client gets no tokens for a refresh token, and
// the session goes on.
func TestRefreshByAnotherClient(t *testing.T) {
	s, _ := start(t)
	owners := []string{fixture.Phone, fixture.Backend}
	for i, owner := range owners {
		t.Run(owner, func(t *testing.T) {
			presented := signIn(t, s, owner).refresh
			spent := presented
			for range 3 {
				refused(t, s, owners[1-i], presented)
				refused(t, s, owners[1-i], spent) // from its owner this would be a reuse
				spent, presented = presented, refreshed(t, s, owner, presented).refresh
			}
		})
	}
}

// TestTheft: when an owner and a thief both use a refresh token, the second use ends
// the session for both, whichever of them is first, and the trail has the reason.
func TestTheft(t *testing.T) {
	const grace = 30 * time.Second
	s, clock := start(t)
	noticed := func() (entries, lines int) {
		for _, line := range logged(t, s, contract.Refresh.Name) {
			if line["outcome"] == "reused" {
				lines++
			}
		}
		return strings.Count(tables(t, s)["tipstaff-staging-audit"], "why=reused"), lines
	}
	for i, tt := range []struct {
		client string
		turns  int           // refreshes of the first one
		later  time.Duration // until the second one refreshes
	}{
		{fixture.Phone, 1, grace},
		{fixture.Phone, 2, 0},
		{fixture.Phone, 5, time.Hour},
		{fixture.Backend, 2, 0},
		{fixture.Backend, 2, time.Hour},
	} {
		t.Run(fmt.Sprintf("%s, %d turns and %v later", tt.client, tt.turns, tt.later), func(t *testing.T) {
			copied := signIn(t, s, tt.client).refresh
			held := tokens{refresh: copied}
			for range tt.turns {
				held = refreshed(t, s, tt.client, held.refresh)
			}
			clock.pass(tt.later)
			refused(t, s, tt.client, copied)
			refused(t, s, tt.client, held.refresh)
			refused(t, s, tt.client, copied)
			if active(t, s, held.access) {
				t.Error("an access token of the session is active")
			}
			if entries, lines := noticed(); entries != i+1 || lines != i+1 {
				t.Errorf("the trail has %d reuses and the log %d, want %d of each", entries, lines, i+1)
			}
		})
	}
}

// TestReplayInGrace: a client that lost the answer gets it again until the grace is
// over, and a confidential client until it has used the next token.
func TestReplayInGrace(t *testing.T) {
	s, clock := start(t)
	for client, patience := range map[string]time.Duration{fixture.Phone: 29 * time.Second, fixture.Backend: 24 * time.Hour} {
		first := signIn(t, s, client).refresh
		next := refreshed(t, s, client, first).refresh
		clock.pass(patience)
		if again := refreshed(t, s, client, first).refresh; again != next {
			t.Errorf("%s, replay after %v gives another token, want the same", client, patience)
		}
		refreshed(t, s, client, next)
	}
}
