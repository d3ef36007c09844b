package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// A subject is a server whose work per request is measured.
type subject struct {
	name string
	// request is what each client sends again and again.
	request func(ctx context.Context) (*http.Request, error)
	// expect stands in every good answer.
	expect string
	// pids are the processes that serve the request now.
	pids func() []int

	requests int
	cpu      time.Duration
}

// perRequest is the CPU time of one request, on average over all rounds.
func (s *subject) perRequest() time.Duration {
	if s.requests == 0 {
		return 0
	}
	return s.cpu / time.Duration(s.requests)
}

// round sends n requests from the given number of clients and adds their cost.
func (s *subject) round(ctx context.Context, n, clients int) error {
	before, err := cpuTime(s.pids())
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if _, err := s.drive(ctx, n, clients); err != nil {
		return err
	}
	after, err := cpuTime(s.pids())
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	s.requests += n
	s.cpu += after - before
	return nil
}

// drive sends n requests from the given number of clients and returns how long
// that took. Any answer that is not what it should be ends it.
func (s *subject) drive(ctx context.Context, n, clients int) (time.Duration, error) {
	client := &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients},
	}
	defer client.CloseIdleConnections()
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for i := range clients {
		group.Go(func() error {
			for range share(n, clients, i) {
				if err := s.send(ctx, client); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return time.Since(start), err
}

// share is how many of n requests the client with number i sends.
func share(n, clients, i int) int {
	if i < n%clients {
		return n/clients + 1
	}
	return n / clients
}

func (s *subject) send(ctx context.Context, client *http.Client) error {
	r, err := s.request(ctx)
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || !strings.Contains(string(body), s.expect) {
		return fmt.Errorf("answer %d %s, want 200 with %s", res.StatusCode, body, s.expect)
	}
	return nil
}

// post returns a request with a form, and Basic credentials unless id is empty.
func post(target, id, secret string, form url.Values) func(context.Context) (*http.Request, error) {
	body := form.Encode()
	return func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if id != "" {
			r.SetBasicAuth(id, secret)
		}
		return r, nil
	}
}

func get(target string) func(context.Context) (*http.Request, error) {
	return func(ctx context.Context) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	}
}
