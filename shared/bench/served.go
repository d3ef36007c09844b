package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/e2e/fixture"
)

// The subjects by name: three baselines and what is compared with them.
const (
	static          = "static"
	es256           = "es256"
	rs256           = "rs256"
	tokenES256      = "token, ES256"
	tokenRS256      = "token, RS256"
	introspectES256 = "introspect"
	health          = "health"
)

// served measures requests to a running stack beside the baseline.
func served(ctx context.Context, o options) ([]figure, error) {
	dir, err := os.MkdirTemp("", "tipstaff-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	stack, err := fixture.Start(ctx, fixture.Options{Root: o.root, Dir: dir})
	if err != nil {
		return nil, err
	}
	defer stack.Close()
	baseline, err := startBaseline(ctx, filepath.Join(o.root, "bin", "baseline"))
	if err != nil {
		return nil, err
	}
	defer baseline.stop()

	subjects, err := all(ctx, stack, baseline)
	if err != nil {
		return nil, err
	}
	if err := measure(ctx, subjects, o); err != nil {
		return nil, err
	}
	cost := map[string]time.Duration{}
	for _, s := range subjects {
		cost[s.name] = s.perRequest()
	}
	const n, clients = 6000, 4
	healthy := &subject{name: health, request: get(stack.BaseURL() + "/health"), expect: "healthy"}
	if _, err := healthy.drive(ctx, n/10, clients); err != nil {
		return nil, err
	}
	took, err := healthy.drive(ctx, n, clients)
	if err != nil {
		return nil, err
	}

	figures := []figure{
		ratio(cost, tokenES256, es256, 4.5),
		ratio(cost, tokenRS256, rs256, 0),
		ratio(cost, introspectES256, static, 14),
		{what: "GET /health on the local stack, 4 clients", value: n / took.Seconds(), unit: "req/s", least: 1500},
	}
	for _, s := range subjects {
		figures = append(figures, figure{
			what: "CPU of a request: " + s.name, value: float64(s.perRequest().Microseconds()) / 1000, unit: "ms",
		})
	}
	return figures, nil
}

func ratio(cost map[string]time.Duration, of, to string, most float64) figure {
	return figure{
		what: fmt.Sprintf("CPU of %s, in %s requests of the baseline", of, to), value: float64(cost[of]) / float64(cost[to]), unit: "×", most: most,
	}
}

// measure warms everything up and then drives the subjects in turns, so that
// whatever else the machine does meets all of them.
func measure(ctx context.Context, subjects []*subject, o options) error {
	for _, s := range subjects {
		if _, err := s.drive(ctx, 300, o.clients); err != nil {
			return err
		}
	}
	for range o.rounds {
		for _, s := range subjects {
			if err := s.round(ctx, o.requests, o.clients); err != nil {
				return err
			}
		}
	}
	return nil
}

func all(ctx context.Context, stack *fixture.Stack, b *baseline) ([]*subject, error) {
	orders := url.Values{"grant_type": {"client_credentials"}, "resource": {fixture.Orders}, "scope": {fixture.OrdersScope}}
	billing := url.Values{"grant_type": {"client_credentials"}, "resource": {fixture.Billing}, "scope": {fixture.BillingScope}}
	secret := stack.Secrets[fixture.Machine]
	pids := func(function string) func() []int { return func() []int { return stack.PIDs(function) } }

	tokens := post(stack.BaseURL()+"/token", fixture.Machine, secret, orders)
	issued, err := fetch(ctx, tokens)
	if err != nil {
		return nil, err
	}
	const token = `"access_token"`
	return []*subject{
		{name: static, request: post(b.url+"/static", fixture.Machine, secret, orders), expect: token, pids: b.pids},
		{name: es256, request: post(b.url+"/es256", fixture.Machine, secret, orders), expect: token, pids: b.pids},
		{name: rs256, request: post(b.url+"/rs256", fixture.Machine, secret, orders), expect: token, pids: b.pids},
		{name: tokenES256, request: tokens, expect: token, pids: pids("token")},
		{name: tokenRS256, request: post(stack.BaseURL()+"/token", fixture.Machine, secret, billing), expect: token, pids: pids("token")},
		{
			name:    introspectES256,
			request: post(stack.BaseURL()+"/introspect", fixture.OrdersServer, stack.Secrets[fixture.OrdersServer], url.Values{"token": {issued}}),
			expect:  `"active":true`, pids: pids("introspect"),
		},
	}, nil
}

// fetch returns the token that a request is answered with.
func fetch(ctx context.Context, request func(context.Context) (*http.Request, error)) (string, error) {
	r, err := request(ctx)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
		return "", fmt.Errorf("fetch a token: status %d: %w", res.StatusCode, err)
	}
	return answer.Token, nil
}

// baseline is the running baseline server.
type baseline struct {
	cmd *exec.Cmd
	url string
}

func startBaseline(ctx context.Context, path string) (*baseline, error) {
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = []string{"GOMAXPROCS=1"} // as the functions have it
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the baseline: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("start the baseline: %w", err)
	}
	return &baseline{cmd: cmd, url: strings.TrimSpace(line)}, nil
}

func (b *baseline) pids() []int { return []int{b.cmd.Process.Pid} }

func (b *baseline) stop() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}
