// Package local runs a whole stage of Tipstaff on this machine, from the very
// files that get deployed.
//
// The stack has no configuration of its own. It reads the synthesized
// CloudFormation templates and gives each resource in them a body: a table gets
// a real database, a secret a file, a function its real `bootstrap` processes
// behind a Runtime API, a route a place in an HTTP API. Between the functions
// and what they call stands a wall that judges every call by the role in the
// template. So what works here was not simulated around the templates but
// follows from them, and a forgotten permission, variable or route fails here
// as it would on AWS.
//
// The functions cannot tell the difference. Only two things are told to them
// that a deployment would not: the endpoints of DynamoDB and Secrets Manager,
// in the variables that every AWS SDK knows, and the issuer, which is the
// address of this stack. Whoever starts it may also choose which clients may
// introduce themselves and where mail goes, which a deployment does by values of
// its stage; what the templates would send by SES lands in a folder.
//
// Everything lives in one folder and one process. Close, a signal or a kill -9
// of that process ends all of it; what was acknowledged is there again at the
// next start.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/local/iam"
	"github.com/tipstaff/tipstaff/shared/local/lambda"
	"github.com/tipstaff/tipstaff/shared/local/lock"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
)

// Stack is a running local stack.
type Stack struct {
	options    Options
	stage      *cfn.Stage
	binaries   map[string]string // by short name
	told       map[string]string // variables in place of the templates'
	url        string
	engine     *engine.Engine
	secrets    *secrets.Store
	secretsURL string
	wall       *iam.Wall
	functions  map[string]*lambda.Function // by short name

	close   sync.Once
	closers []func() // run last to first
}

// Start starts a stack and returns when it serves. When it fails nothing is
// left running, and the error is one sentence for a person.
func Start(ctx context.Context, o Options) (*Stack, error) {
	s := &Stack{options: o.withDefaults(), functions: map[string]*lambda.Function{}}
	if err := s.start(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// start goes from what fails fast and clear to what takes time.
func (s *Stack) start(ctx context.Context) error {
	var err error
	if s.told, err = s.options.told(); err != nil {
		return err
	}
	if s.stage, err = s.options.read(); err != nil {
		return err
	}
	if s.binaries, err = s.options.programs(s.stage); err != nil {
		return err
	}
	if err := s.occupy(ctx); err != nil {
		return err
	}
	listeners, port, err := listen(ctx, s.options.Port)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		s.onClose(func() { _ = l.Close() })
	}
	s.url = fmt.Sprintf("http://localhost:%d", port)

	fresh, err := s.startDatabase(ctx)
	if err != nil {
		return err
	}
	if err := s.startSecrets(ctx, fresh); err != nil {
		return err
	}
	if err := s.startFunctions(ctx); err != nil {
		return err
	}
	if err := s.rotate(ctx); err != nil {
		return err
	}
	if err := s.startGateway(listeners); err != nil {
		return err
	}
	s.startSchedules()
	state := State{
		URL: s.url, DynamoDB: s.engine.URL(), SecretsManager: s.secretsURL,
		Region: s.stage.Place.Region, Stage: s.options.Stage, Mail: s.told[contract.EnvMail], PID: os.Getpid(),
	}
	s.onClose(func() { _ = os.Remove(statePath(s.options.Dir)) })
	if err := state.write(s.options.Dir); err != nil {
		return fmt.Errorf("the folder %s cannot be written: %w", s.options.Dir, err)
	}
	return nil
}

// vacancy is how long a folder is waited for whose stack is not running: after a
// kill its children take a moment to see that they are alone.
const vacancy = 10 * time.Second

// take locks the folder. It waits for who holds it and does not run.
func take(ctx context.Context, dir string) (*lock.Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, vacancy)
	defer cancel()
	for {
		held, err := lock.Take(filepath.Join(dir, "lock"))
		if _, busy := errors.AsType[*lock.HeldError](err); !busy {
			return held, err
		}
		if _, running := ReadState(dir); running == nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// occupy makes the folder ours.
func (s *Stack) occupy(ctx context.Context) error {
	dir := s.options.Dir
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o700); err != nil {
		return fmt.Errorf("the folder %s cannot be used: %w", dir, err)
	}
	held, err := take(ctx, dir)
	if busy, ok := errors.AsType[*lock.HeldError](err); ok {
		if other, err := ReadState(dir); err == nil {
			return fmt.Errorf("a local stack already runs in %s: process %d serves %s; stop it first, or use another folder with --dir", dir, other.PID, other.URL)
		}
		return fmt.Errorf("a local stack is just starting or stopping in %s: process %d; stop it first, or use another folder with --dir", dir, busy.PID)
	}
	if err != nil {
		return fmt.Errorf("the folder %s cannot be used: %w", dir, err)
	}
	s.onClose(held.Release)
	// What a killed predecessor said of itself is no longer true.
	if err := os.Remove(statePath(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the folder %s cannot be used: %w", dir, err)
	}
	return nil
}

// onClose remembers what Close has to do, in reverse order.
func (s *Stack) onClose(f func()) { s.closers = append(s.closers, f) }

// step reports what was done since began.
func (s *Stack) step(began time.Time, format string, args ...any) {
	s.options.Progress(Step{What: fmt.Sprintf(format, args...), Took: time.Since(began)})
}

// Close stops everything within two seconds: it lets requests at work finish
// for one, and then ends what is left. A second call waits for the first.
func (s *Stack) Close() {
	s.close.Do(func() {
		for _, f := range slices.Backward(s.closers) {
			f()
		}
	})
}

// Wait returns nil when ctx is done, and an error when a part without which
// the stack is useless ended before.
func (s *Stack) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.engine.Done():
		return fmt.Errorf("the database engine (process %d) ended by itself: %w", s.engine.PID(), s.engine.Err())
	}
}

// BaseURL is the address of the HTTP API and the issuer, without a trailing
// slash.
func (s *Stack) BaseURL() string { return s.url }

// Stage is what the templates declare.
func (s *Stack) Stage() *cfn.Stage { return s.stage }

// Dir is the folder of the stack.
func (s *Stack) Dir() string { return s.options.Dir }

// DynamoDB returns a client for operators: no role limits it.
func (s *Stack) DynamoDB() *dynamodb.Client { return engine.Client(s.engine.URL()) }

// Wall is the wall, which counts calls and injects faults.
func (s *Stack) Wall() *iam.Wall { return s.wall }

// Report says which calls the wall refused and which grants nothing used.
func (s *Stack) Report() iam.Report { return s.wall.Report() }
