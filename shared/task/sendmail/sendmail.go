// Package sendmail is the task that writes to people who cannot sign in and asked for
// a new way to. It runs every minute and takes what is due out of the queue of
// package recovery.
//
// Only somebody who may sign in, and whose mail address is known to be theirs, is
// written to. For everybody else the request is dropped: nobody learns of that,
// since who asked was answered before. Several requests of one person in a run make
// one mail.
//
// A link is made right before it is sent and is nowhere but in the mail. A try that
// dies or fails leaves a ticket that nobody can ever open, and the next try makes
// another link. After the last one the request is given up, with an entry in the
// trail.
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

// Task works off the requests of one stage.
type Task struct {
	Issuer   string
	Requests *recovery.Queue
	People   *identity.Store
	OneTime  *onetime.Store
	// Mail is nil in a stage that sends none: what was asked for before it was
	// switched off is dropped.
	Mail mail.Sender
	Now  func(context.Context) time.Time
	// Stdout takes a line for each run that did something.
	Stdout io.Writer
}

// Result counts what became of the requests of a run.
type Result struct {
	Sent int `json:"sent"`
	// Dropped are those of nobody who may be written to, and those that a
	// later one of the same person stands for.
	Dropped int `json:"dropped"`
	// Failed are to be tried again, Abandoned not.
	Failed    int `json:"failed"`
	Abandoned int `json:"abandoned"`
	// Left were not tried, for lack of time or because another run does.
	Left int `json:"left"`
}

// atOnce is how many requests are worked on at the same time. SES lets an account
// send 14 mails a second at first, and takes half of one for each.
const atOnce = 7

// Invoke works through what is due. Its answer is a Result; the error says what did
// not work, after everything else was done.
func (t *Task) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	due, err := t.Requests.Due(ctx, nil)
	latest := map[string]*recovery.Entry{}
	for _, request := range due {
		latest[request.Payload.Subject] = request
	}
	r := &run{Task: t}
	// Of several errors the first is enough: a mail server that is down says the
	// same of every mail.
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
		_, _ = fmt.Fprintf(t.Stdout, "{\"Route\":%q,\"mail\":%s}\n", contract.SendMail.Name, answer) // nobody reads it if it cannot be written
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
