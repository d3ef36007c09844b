package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// The subjects by name: three baselines and what is compared with them.
const (
	static          = "static"
	es256           = "es256"
	rs256           = "rs256"
	tokenES256      = "token, ES256"
	tokenRS256      = "token, RS256"
	introspectES256 = "introspect"
	refreshES256    = "refresh, ES256"
	introspectGrant = "introspect of a session"
	codeES256       = "a code exchange with an id token"
	health          = "health"
)

// served measures requests to a running stack beside the baseline.
func served(ctx context.Context, o options) ([]figure, error) {
	dir, err := os.MkdirTemp("", "tipstaff-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := &clock{}
	stack, err := fixture.Start(ctx, fixture.Options{Root: o.root, Dir: dir, Now: c.now})
	if err != nil {
		return nil, err
	}
	defer stack.Close()
	p := &people{stack, c}
	figures, err := costs(ctx, o, p)
	if err != nil {
		return nil, err
	}
	for _, measure := range []func(context.Context, *people) ([]figure, error){throughput, together, strangers} {
		more, err := measure(ctx, p)
		if err != nil {
			return nil, err
		}
		figures = append(figures, more...)
	}
	return figures, nil
}

// costs are the CPU times of requests, as multiples of the baseline's.
func costs(ctx context.Context, o options, p *people) ([]figure, error) {
	baseline, err := startBaseline(ctx, filepath.Join(o.root, "bin", "baseline"))
	if err != nil {
		return nil, err
	}
	defer baseline.stop()
	subjects, err := ours(ctx, o, p)
	if err != nil {
		return nil, err
	}
	subjects = append(baselines(p, baseline), subjects...)
	if err := measure(ctx, subjects, o); err != nil {
		return nil, err
	}
	by := map[string]*subject{}
	for _, s := range subjects {
		by[s.name] = s
	}
	figures := []figure{
		ratio(by, tokenES256, es256),
		ratio(by, tokenRS256, rs256),
		ratio(by, refreshES256, es256),
		ratio(by, introspectES256, static),
		ratio(by, introspectGrant, static),
		ratio(by, codeES256, es256),
	}
	for _, s := range subjects {
		figures = append(figures, figure{
			what: "CPU of a request: " + s.name, value: float64(s.perRequest().Microseconds()) / 1000, unit: "ms",
		})
	}
	return figures, nil
}

// throughput is how many requests the whole local stack takes.
func throughput(ctx context.Context, p *people) ([]figure, error) {
	const n, clients = 6000, 4
	healthy := &subject{name: health, request: get(p.BaseURL() + "/health"), expect: "healthy"}
	if _, err := healthy.drive(ctx, n/10, clients); err != nil {
		return nil, err
	}
	took, err := healthy.drive(ctx, n, clients)
	if err != nil {
		return nil, err
	}
	return []figure{{what: "GET /health on the local stack, 4 clients", value: n / took.Seconds(), unit: "req/s", least: 1500}}, nil
}

// ratio has no bar: between two runs on one machine it differs by 15 %.
func ratio(by map[string]*subject, of, to string) figure {
	return figure{what: fmt.Sprintf("CPU of %s, in %s requests of the baseline", of, to), value: by[of].times(by[to]), unit: "×"}
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

// token stands in every answer that brings one.
const token = `"access_token"`

// machine is the form of a client that asks for a token of the orders API.
func machine() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "resource": {fixture.Orders}, "scope": {fixture.OrdersScope}}
}

// theBaselines are the least that a server can do.
func baselines(p *people, b *baseline) []*subject {
	var subjects []*subject
	for _, name := range []string{static, es256, rs256} {
		subjects = append(subjects, &subject{
			name: name, request: post(b.url+"/"+name, fixture.Machine, p.Secrets[fixture.Machine], machine()), expect: token, pids: b.pids,
		})
	}
	return subjects
}

// ours are the requests to functions that are measured.
func ours(ctx context.Context, o options, p *people) ([]*subject, error) {
	billing := url.Values{"grant_type": {"client_credentials"}, "resource": {fixture.Billing}, "scope": {fixture.BillingScope}}
	secret := p.Secrets[fixture.Machine]
	pids := func(function string) func() []int { return func() []int { return p.PIDs(function) } }
	introspection := func(token string) func(context.Context) (*http.Request, error) {
		return post(p.BaseURL()+"/introspect", fixture.OrdersServer, p.Secrets[fixture.OrdersServer], url.Values{"token": {token}})
	}

	sessions, err := newChain(ctx, p, o.clients)
	if err != nil {
		return nil, err
	}
	redemptions, err := newCodes(ctx, p)
	if err != nil {
		return nil, err
	}
	begun, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	tokens := post(p.BaseURL()+"/token", fixture.Machine, secret, machine())
	issued, err := fetch(ctx, tokens)
	if err != nil {
		return nil, err
	}
	const active = `"active":true`
	return []*subject{
		{name: tokenES256, request: tokens, expect: token, pids: pids("token")},
		{name: tokenRS256, request: post(p.BaseURL()+"/token", fixture.Machine, secret, billing), expect: token, pids: pids("token")},
		{name: refreshES256, request: sessions.request, expect: token, answered: sessions.answered, pids: pids("refresh")},
		{name: introspectES256, request: introspection(issued), expect: active, pids: pids("introspect")},
		{name: introspectGrant, request: introspection(begun.Access), expect: active, pids: pids("introspect")},
		{name: codeES256, request: redemptions.request, expect: `"id_token"`, pids: pids("token")},
	}, nil
}

// fetch returns the token that a request is answered with.
func fetch(ctx context.Context, request func(context.Context) (*http.Request, error)) (string, error) {
	r, err := request(ctx)
	if err != nil {
		return "", err
	}
	status, body, err := do(http.DefaultClient, r)
	if err != nil {
		return "", err
	}
	got, err := parse(status, body)
	return got.Access, err
}
