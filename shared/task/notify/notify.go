// Package notify is the task that notifies clients of ended sessions (OpenID Connect
// Back-Channel Logout 1.0). It runs every minute and takes the due notices from the queue
// of package backchannel. It posts a logout token to the address that the operator
// registered for each client.
//
// # Retries
//
// After a failure the task tries again, first after a minute and then at growing intervals,
// for a day. Then it abandons the notice, with an audit entry. A notice leaves the queue only
// after the client has answered. So a run that dies loses nothing: the next run sends the
// same notice again, under the same jti.
//
// # Slow clients
//
// One client must not delay the others. Each run works on several notices at a time, mixed
// by client. It skips a client for the rest of the run after a try without an answer.
package notify

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/queue"
	"github.com/tipstaff/tipstaff/shared/session/backchannel"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

const (
	// patience is the time limit for an answer of a client.
	patience = 5 * time.Second
	// reserve is the remaining time of a run that allows a last try: for the try itself,
	// and for recording its result.
	reserve = patience + 2*time.Second
	// atOnce is how many notices are in work at the same time. most is how many notices
	// of one client are in a run.
	atOnce = 16
	most   = 500
)

// New builds the task from its environment.
func New(e *wire.Env) (apigw.Task, error) {
	db, now := dynamo.Client(e), e.Now
	trail := &audit.Trail{Table: e.Name(contract.Audit), Days: e.AuditDays, Now: now}
	t := &Task{
		Notices: &backchannel.Queue{Kind: backchannel.Notices, DB: db, Table: e.Name(contract.Sessions), Trail: trail, Now: now},
		Clients: &client.Store{DB: db, Table: e.Name(contract.Registry), Now: now},
		Tokens:  &token.Minter{Issuer: e.Issuer, Keys: vault.Keys(e).Document, Now: now},
		HTTP:    NewClient(),
		Now:     now,
		Stdout:  e.Stdout,
	}
	return t.Invoke, nil
}

// NewClient returns an HTTP client for calls to registered addresses: without proxy, within
// patience, and without redirects.
func NewClient() *http.Client {
	return &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    atOnce,
			IdleConnTimeout:        patience,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Task delivers the notices of one stage.
type Task struct {
	Notices *backchannel.Queue
	Clients *client.Store
	// Tokens signs the logout tokens.
	Tokens *token.Minter
	HTTP   *http.Client
	Now    func(context.Context) time.Time
	// Stdout receives a line for each run with due notices.
	Stdout io.Writer
}

// Result counts the outcomes of a run.
type Result struct {
	Delivered int `json:"delivered"`
	// Failed notices will be tried again, Abandoned ones not.
	Failed    int `json:"failed"`
	Abandoned int `json:"abandoned"`
	// Left notices were not tried, because of the client or for lack of time.
	Left int `json:"left"`
}

// Invoke delivers all due notices. It returns a [Result] as JSON. The error is a failure on
// our side, after all other work was done.
func (t *Task) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	due, err := t.Notices.Due(ctx, backchannel.AtMost(most))
	r := &run{Task: t, silent: map[string]bool{}}
	err = errors.Join(err, queue.Each(atOnce, mixed(due), func(n *backchannel.Entry) error {
		outcome, err := r.work(ctx, n)
		r.count(outcome)
		return err
	}))
	answer, marshalErr := json.Marshal(r.result)
	if marshalErr != nil {
		panic(marshalErr) // numbers always marshal
	}
	if len(due) > 0 {
		_, _ = fmt.Fprintf(t.Stdout, "{\"Route\":%q,\"notices\":%s}\n", contract.Notify.Name, answer) // a failed log write must not fail the run
	}
	if err != nil {
		return nil, fmt.Errorf("notify clients: %w", err)
	}
	return answer, nil
}

// mixed orders the notices in turns of their clients, the oldest of each first.
func mixed(due []*backchannel.Entry) []*backchannel.Entry {
	var order []string
	byClient := map[string][]*backchannel.Entry{}
	for _, n := range due {
		id := n.Payload.Client
		if byClient[id] == nil {
			order = append(order, id)
		}
		byClient[id] = append(byClient[id], n)
	}
	out := make([]*backchannel.Entry, 0, len(due))
	for turn := 0; len(out) < len(due); turn++ {
		for _, id := range order {
			if turn < len(byClient[id]) {
				out = append(out, byClient[id][turn])
			}
		}
	}
	return out
}

// run is one run of the task.
type run struct {
	*Task
	mu     sync.Mutex
	result Result
	silent map[string]bool // clients that did not answer, by id
}

type outcome int

const (
	left outcome = iota
	delivered
	failed
	abandoned
)

func (r *run) count(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch o {
	case left:
		r.result.Left++
	case delivered:
		r.result.Delivered++
	case failed:
		r.result.Failed++
	case abandoned:
		r.result.Abandoned++
	}
}

func (r *run) isSilent(clientID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.silent[clientID]
}

func (r *run) fellSilent(clientID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent[clientID] = true
}
