// Package sendmail is the task that sends recovery links to users who lost their
// credentials. It runs every minute and takes the due requests from the queue of package
// recovery.
//
// # Recipients
//
// The task sends mail only to a user who may sign in and has a verified mail address. It drops
// any other request. That reveals nothing, because the requester was answered before. Several
// requests of one user in a run make one mail.
//
// # Links
//
// The task makes a link right before it sends it, and the link exists only in the mail.
// A try that dies or fails leaves a one-time item without a known link, and the next
// try makes another link. After the last try the task abandons the request, with an
// audit entry.
package sendmail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/recovery"
	"github.com/tipstaff/tipstaff/shared/mail"
	"github.com/tipstaff/tipstaff/shared/queue"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	wiremail "github.com/tipstaff/tipstaff/shared/wire/mail"
)

// New builds the task from its environment.
func New(e *wire.Env) (apigw.Task, error) {
	db, sessions, now := dynamo.Client(e), e.Name(contract.Sessions), e.Now
	trail := &audit.Trail{Table: e.Name(contract.Audit), Days: e.AuditDays, Now: now}
	t := &Task{
		Issuer:   e.Issuer,
		Requests: &recovery.Queue{Kind: recovery.Requests, DB: db, Table: sessions, Trail: trail, Now: now},
		People:   &identity.Store{DB: db, Registry: e.Name(contract.Registry), Now: now},
		OneTime:  &onetime.Store{DB: db, Sessions: sessions, Trail: trail, Now: now},
		Mail:     wiremail.Sender(e),
		Now:      now,
		Stdout:   e.Stdout,
	}
	return t.Invoke, nil
}

// Task processes the requests of one stage.
type Task struct {
	Issuer   string
	Requests *recovery.Queue
	People   *identity.Store
	OneTime  *onetime.Store
	// Mail is nil in a stage that sends no mail. Requests from before it was switched off
	// are dropped.
	Mail mail.Sender
	Now  func(context.Context) time.Time
	// Stdout receives a line for each run with due requests.
	Stdout io.Writer
}

// Result counts the outcomes of a run.
type Result struct {
	Sent int `json:"sent"`
	// Dropped requests have no user who may get mail, or a later request of the same user
	// replaces them.
	Dropped int `json:"dropped"`
	// Failed requests will be tried again, Abandoned ones not.
	Failed    int `json:"failed"`
	Abandoned int `json:"abandoned"`
	// Left requests were not tried, for lack of time or because another run has them.
	Left int `json:"left"`
}

// atOnce is how many requests are in work at the same time. SES allows a new account 14 mails
// a second, and takes half a second for each.
const atOnce = 7

// Invoke processes all due requests. It returns a [Result] as JSON. The error is a failure on
// our side, after all other work was done.
func (t *Task) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	due, err := t.Requests.Due(ctx, nil)
	latest := map[string]*recovery.Entry{}
	for _, request := range due {
		latest[request.Payload.Subject] = request
	}
	r := &run{Task: t}
	// Of several errors the first is enough: a mail server that is down gives the same
	// error for every mail.
	err = errors.Join(err, queue.Each(atOnce, due, func(request *recovery.Entry) error {
		outcome, err := r.work(ctx, request, latest[request.Payload.Subject] != request)
		r.count(outcome)
		return err
	}))
	answer, marshalErr := json.Marshal(r.result)
	if marshalErr != nil {
		panic(marshalErr) // numbers always marshal
	}
	if len(due) > 0 {
		_, _ = fmt.Fprintf(t.Stdout, "{\"Route\":%q,\"mail\":%s}\n", contract.SendMail.Name, answer) // a failed log write must not fail the run
	}
	if err != nil {
		return nil, fmt.Errorf("send mail: %w", err)
	}
	return answer, nil
}

// run is one run of the task.
type run struct {
	*Task
	mu     sync.Mutex
	result Result
}

type outcome int

const (
	left outcome = iota
	sent
	dropped
	failed
	abandoned
)

func (r *run) count(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch o {
	case left:
		r.result.Left++
	case sent:
		r.result.Sent++
	case dropped:
		r.result.Dropped++
	case failed:
		r.result.Failed++
	case abandoned:
		r.result.Abandoned++
	}
}
