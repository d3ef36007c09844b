package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
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
	// answered, if any, is told of every good answer.
	answered func(body []byte) error
	// pids are the processes that serve the request now.
	pids func() []int

	// rounds are the CPU time of one request in each round.
	rounds []time.Duration
}

// perRequest is the CPU time of one request, the median of all rounds.
func (s *subject) perRequest() time.Duration { return median(slices.Clone(s.rounds)) }

// times is the CPU time of s as a multiple of that of another subject: the
// median of the ratios of the rounds, which each took place in the same seconds.
func (s *subject) times(other *subject) float64 {
	ratios := make([]float64, len(s.rounds))
	for i := range ratios {
		ratios[i] = float64(s.rounds[i]) / float64(other.rounds[i])
	}
	return median(ratios)
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
	s.rounds = append(s.rounds, (after-before)/time.Duration(n))
	return nil
}

// drive sends n requests from the given number of clients and returns how long
// that took. Any answer that is not what it should be ends it.
func (s *subject) drive(ctx context.Context, n, clients int) (time.Duration, error) {
	client := &http.Client{
		Timeout:   time.Minute,
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
	status, body, err := do(client, r)
	if err != nil {
		return err
	}
	if status != http.StatusOK || !strings.Contains(string(body), s.expect) {
		return fmt.Errorf("answer %d %s, want 200 with %s", status, body, s.expect)
	}
	if s.answered == nil {
		return nil
	}
	return s.answered(body)
}

// do sends a request and returns the whole answer.
func do(client *http.Client, r *http.Request) (status int, body []byte, err error) {
	res, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, errors.Join(err, res.Body.Close())
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
