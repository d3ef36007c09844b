// Package notify is the task that tells clients of ended sessions (OpenID
// Connect Back-Channel Logout 1.0). It runs every minute, takes what is due out
// of the outbox, and posts each client a logout token at the address that the
// operator registered for it.
//
// A client that does not answer well is tried again, after a minute and then
// after ever longer times, for a day; then the notice is given up, with an
// entry in the trail. A notice leaves the outbox only after the client has
// answered, so a run that dies loses nothing: the next one sends the same
// notice again, under the same jti.
//
// One client must not hold up the others. Each run works on several notices at
// a time, mixed by client, and leaves a client alone for the rest of the run
// once it has not answered.
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
	// patience is how long a client may take to answer.
	patience = 5 * time.Second
	// reserve is left of a run when it begins its last try: for the try, and
	// for writing down what came of it.
	reserve = patience + 2*time.Second
	// atOnce is how many notices are worked on at the same time, and most how
	// many of one client are in a run.
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

// NewClient returns a client for calls to the operator's clients: directly,
// within patience, and to no other place than it was told.
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
	// Tokens signs the logout tokens, for its issuer.
	Tokens *token.Minter
	HTTP   *http.Client
	Now    func(context.Context) time.Time
	// Stdout takes a line for each run that did something.
	Stdout io.Writer
}

// Result counts what became of the notices of a run.
type Result struct {
	Delivered int `json:"delivered"`
	// Failed are to be tried again, Abandoned not.
	Failed    int `json:"failed"`
	Abandoned int `json:"abandoned"`
	// Left were not tried, because of the client or for lack of time.
	Left int `json:"left"`
}

// Invoke works through what is due. Its answer is a Result; the error says that
// something of our own did not work, after everything else was done.
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
		_, _ = fmt.Fprintf(t.Stdout, "{\"Route\":%q,\"notices\":%s}\n", contract.Notify.Name, answer) // nobody reads it if it cannot be written
	}
	if err != nil {
		return nil, fmt.Errorf("notify clients: %w", err)
	}
	return answer, nil
}

// mixed puts the notices in turns of their clients, the oldest of each first.
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
