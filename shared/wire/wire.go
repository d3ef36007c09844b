// Package wire builds the dependencies of a handler from the environment of its function.
// It is the only reader of the environment in a Lambda, under the names in package
// contract.
//
// The package itself links no AWS SDK. A route that needs a table imports wire/dynamo, and
// one that needs a secret imports wire/vault. So each binary links only what its function
// uses.
package wire

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
)

// Env is the environment of one function.
type Env struct {
	Function contract.Function
	Stage    string
	// Issuer is the origin of this deployment, such as
	// "https://auth.example.com"; empty for tasks.
	Issuer string
	// Commit is the deployed commit. Only health has it.
	Commit string
	// AuditDays is how long audit items are kept. Only functions that write them have it.
	AuditDays int
	// ClientDocuments and Registration are the policies for clients that no operator
	// registered. Only functions with Clients have them.
	ClientDocuments contract.ClientDocuments
	Registration    contract.Registration
	// Mail is how the stage sends mail. Only functions with Mails have it.
	Mail   contract.MailPolicy
	Region string
	// Stdout is the destination of log lines.
	Stdout io.Writer
	// Calls counts the calls to AWS that this process has made.
	Calls atomic.Int64

	lookup func(string) string
}

// FromOS reads the environment of the process for f. The error names the variable that is
// missing or wrong.
func FromOS(f contract.Function) (*Env, error) { return From(f, os.Getenv) }

// From reads the environment of f through lookup, which returns "" for an unset variable.
func From(f contract.Function, lookup func(string) string) (*Env, error) {
	for _, name := range f.Env() {
		if lookup(name) == "" {
			return nil, fmt.Errorf("environment variable %s is not set", name)
		}
	}
	e := &Env{
		Function: f,
		Stage:    lookup(contract.EnvStage),
		Issuer:   lookup(contract.EnvIssuer),
		Commit:   lookup(contract.EnvCommit),
		Region:   lookup("AWS_REGION"),
		Stdout:   os.Stdout,
		lookup:   lookup,
	}
	if !f.IsTask() || f.Every > 0 {
		if err := checkIssuer(e.Issuer); err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", contract.EnvIssuer, err)
		}
	}
	if days := lookup(contract.EnvAuditDays); days != "" {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("environment variable %s: %q is not a number of days", contract.EnvAuditDays, days)
		}
		e.AuditDays = n
	}
	if f.Mails {
		var err error
		if e.Mail, err = contract.ParseMail(lookup(contract.EnvMail)); err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", contract.EnvMail, err)
		}
	}
	if f.Clients {
		return e, e.readClients()
	}
	return e, nil
}

// readClients reads the policies for clients that no operator registered.
func (e *Env) readClients() error {
	var err error
	if e.ClientDocuments, err = contract.ParseClientDocuments(e.lookup(contract.EnvClientDocuments)); err != nil {
		return fmt.Errorf("environment variable %s: %w", contract.EnvClientDocuments, err)
	}
	if e.Registration, err = contract.ParseRegistration(e.lookup(contract.EnvRegistration)); err != nil {
		return fmt.Errorf("environment variable %s: %w", contract.EnvRegistration, err)
	}
	return nil
}

// checkIssuer requires an issuer that is an origin. Clients compare it byte for byte, so it
// has one spelling.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || issuer != u.Scheme+"://"+u.Host {
		return fmt.Errorf("%q is not an origin such as https://auth.example.com", issuer)
	}
	return nil
}

// Now is the clock of all built values, see [httpapi.Now].
func (e *Env) Now(ctx context.Context) time.Time { return httpapi.Now(ctx) }

// Name returns the physical name of a table or secret that f needs.
func (e *Env) Name(r contract.Resource) string { return e.lookup(r.Env()) }

// Var reads a variable that the platform sets, such as an endpoint.
func (e *Env) Var(name string) string { return e.lookup(name) }

// prepareTimeout bounds how long a start waits for a dependency.
const prepareTimeout = time.Second

// Prepare loads what the first request would wait for. Lambda starts a process with a whole
// CPU and serves with a share of one. So a handshake at the start takes a fraction of the
// time that it would take in a request. A failure is not fatal: the first request tries
// again and reports its own error.
func (e *Env) Prepare(load func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), prepareTimeout)
	defer cancel()
	_ = load(ctx)
}

// Route adds the steps of every route to a handler.
func (e *Env) Route(h httpapi.Handler) *httpapi.Route {
	return &httpapi.Route{
		Function: e.Function,
		Stage:    e.Stage,
		Issuer:   e.Issuer,
		Handler:  h,
		Log:      &httpapi.Log{W: e.Stdout},
		Calls:    e.Calls.Load,
	}
}
