package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// tries is how often each of the two names is tried.
const tries = 200

// strangers measures whether the time of a refused sign-in tells which user
// names exist: the name of a person and one that nobody has, each with a wrong
// password, in turns. Before each pair passes the longest time that anybody has
// to wait, so that no try is throttled.
func strangers(ctx context.Context, p *people) ([]figure, error) {
	const stranger = "eve" // as long as the other
	names := []string{fixture.User, stranger}
	took := map[string][]time.Duration{}
	for i := range 2*tries + 20 {
		// Each of them is the first of every other pair.
		name := names[(i+i/2)%2]
		if i%2 == 0 {
			p.clock.pass(throttle.MaxWait)
		}
		d, err := p.refused(ctx, name)
		if err != nil {
			return nil, err
		}
		if i >= 20 { // the first ones warm up
			took[name] = append(took[name], d)
		}
	}
	known, unknown := median(took[fixture.User]), median(took[stranger])
	return []figure{
		{
			what:  fmt.Sprintf("difference of the medians of %d sign-ins, known and unknown name", 2*tries),
			value: 100 * (max(known, unknown).Seconds()/min(known, unknown).Seconds() - 1), unit: "%", most: 5,
		},
		{what: "refused sign-in of a known name, median", value: known.Seconds() * 1000, unit: "ms"},
		{what: "refused sign-in of an unknown name, median", value: unknown.Seconds() * 1000, unit: "ms"},
	}, nil
}

// refused tries a wrong password and returns how long the answer took.
func (p *people) refused(ctx context.Context, userName string) (time.Duration, error) {
	r, err := p.signIn(ctx, userName, "no owl at all")
	if err != nil {
		return 0, err
	}
	start := time.Now()
	status, body, err := do(http.DefaultClient, r)
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	if status != http.StatusBadRequest || !strings.Contains(string(body), "invalid_grant") {
		return 0, fmt.Errorf("a wrong password is answered %d %s, want 400 invalid_grant", status, body)
	}
	return took, nil
}
