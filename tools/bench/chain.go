package main

import (
	"context"
	"net/http"
)

// A chain is a number of sessions that are refreshed again and again, each by
// one client at a time, as apps do it: every refresh presents the token that
// the one before brought. Tokens wait here for whoever refreshes next.
type chain struct {
	people *people
	newest chan string
}

func newChain(ctx context.Context, p *people, sessions int) (*chain, error) {
	c := &chain{people: p, newest: make(chan string, sessions)}
	for range sessions {
		begun, err := p.begin(ctx)
		if err != nil {
			return nil, err
		}
		c.newest <- begun.Refresh
	}
	return c, nil
}

// request takes a session out. Its answer puts it back.
func (c *chain) request(ctx context.Context) (*http.Request, error) {
	return c.people.refresh(ctx, <-c.newest)
}

func (c *chain) answered(body []byte) error {
	got, err := parse(http.StatusOK, body)
	if err != nil {
		return err
	}
	c.newest <- got.Refresh
	return nil
}
