package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// people is a stack in which somebody may sign in.
type people struct {
	*fixture.Stack
	clock *clock
}

// tokens are what an app has of a person.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// signIn is the request of an app that signs somebody in.
func (p *people) signIn(ctx context.Context, userName, password string) (*http.Request, error) {
	body, err := json.Marshal(map[string]string{"client_id": fixture.Phone, "user_name": userName, "password": password})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.BaseURL()+"/login", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}

// begin signs the person in. A minute passes before, so that the address is not
// throttled.
func (p *people) begin(ctx context.Context) (tokens, error) {
	p.clock.pass(time.Minute)
	r, err := p.signIn(ctx, fixture.User, fixture.Password)
	if err != nil {
		return tokens{}, err
	}
	status, body, err := do(http.DefaultClient, r)
	if err != nil {
		return tokens{}, err
	}
	return parse(status, body)
}

// refresh is the request of an app that goes on with a session.
func (p *people) refresh(ctx context.Context, token string) (*http.Request, error) {
	return post(p.BaseURL()+"/refresh", "", "", url.Values{"client_id": {fixture.Phone}, "refresh_token": {token}})(ctx)
}

// parse reads an answer with an access token and perhaps a refresh token.
func parse(status int, body []byte) (tokens, error) {
	var got tokens
	if err := json.Unmarshal(body, &got); err != nil || status != http.StatusOK || got.Access == "" {
		return tokens{}, fmt.Errorf("answer %d %s, want 200 with tokens", status, body)
	}
	return got, nil
}

// clock is the clock of the stack. It runs as any other until it is stopped, and
// can be put forward.
type clock struct{ ahead, stopped atomic.Int64 }

func (c *clock) now() time.Time {
	now := time.Now()
	if at := c.stopped.Load(); at != 0 {
		now = time.Unix(0, at)
	}
	return now.Add(time.Duration(c.ahead.Load()))
}

func (c *clock) stop() { c.stopped.Store(time.Now().UnixNano()) }

func (c *clock) pass(d time.Duration) { c.ahead.Add(int64(d)) }
