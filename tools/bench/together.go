package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"
)

// together measures how many sessions survive that one token is refreshed many
// times at once, as the tabs of a browser or the threads of an app do it. A
// session has survived when each of them got tokens, and each can refresh what
// it got: again all at once.
func together(ctx context.Context, p *people) ([]figure, error) {
	var figures []figure
	for _, at := range []struct{ once, rounds int }{{2, 100}, {8, 50}, {50, 20}} {
		token, alive := "", 0
		for range at.rounds {
			if token == "" {
				begun, err := p.begin(ctx)
				if err != nil {
					return nil, err
				}
				token = begun.Refresh
			}
			var err error
			if token, err = p.storm(ctx, token, at.once); err != nil {
				return nil, err
			}
			if token != "" {
				alive++
			}
		}
		figures = append(figures, figure{
			what:  fmt.Sprintf("sessions usable after %d refreshes of one token at once, %d rounds", at.once, at.rounds),
			value: 100 * float64(alive) / float64(at.rounds), unit: "%", least: 100,
		})
	}
	return figures, nil
}

// storm refreshes a token n times at once, and then all the answers at once. It
// returns the token that comes next, empty if anybody was refused.
func (p *people) storm(ctx context.Context, token string, n int) (string, error) {
	presented := slices.Repeat([]string{token}, n)
	for range 2 {
		var err error
		if presented, err = p.refreshAll(ctx, presented); err != nil {
			return "", err
		}
		if slices.Contains(presented, "") {
			return "", nil
		}
	}
	return presented[0], nil
}

// refreshAll refreshes tokens at once and returns what each became, empty where
// it was refused.
func (p *people) refreshAll(ctx context.Context, presented []string) ([]string, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(presented)}}
	defer client.CloseIdleConnections()
	next := make([]string, len(presented))
	group, ctx := errgroup.WithContext(ctx)
	for i, token := range presented {
		group.Go(func() error {
			r, err := p.refresh(ctx, token)
			if err != nil {
				return err
			}
			status, body, err := do(client, r)
			if err != nil {
				return err
			}
			if got, err := parse(status, body); err == nil {
				next[i] = got.Refresh
			}
			return nil
		})
	}
	return next, group.Wait()
}
