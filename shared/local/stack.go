// Package local runs a whole stage of Tipstaff on this machine, from the files that
// are deployed.
//
// # From templates to a stack
//
// The stack has no configuration of its own. It reads the synthesized CloudFormation
// templates and serves the resources in them:
//
//   - a table is a table of a real database (package engine);
//   - a secret is in a file (package secrets);
//   - a function is its real `bootstrap` program behind a Runtime API (package
//     lambda);
//   - a route is a route of an HTTP API (package gateway).
//
// A proxy between the functions and the services allows a call only when the role in
// the template allows it. So a missing permission, variable or route fails here as it
// does on AWS.
//
// # What differs from a deployment
//
// The functions get other values for a few variables than in a deployment. Apart from
// the endpoints, a function gets one only for a variable that its template declares.
//
//   - the endpoints of DynamoDB and Secrets Manager, in the variables that every AWS
//     SDK reads;
//   - the issuer, which is the address of this stack;
//   - the destination of mail, which is a folder: the stack has no account that could
//     send mail;
//   - which clients may register, when [Options] say so.
//
// # Its life
//
// A stack has one folder and one process. [Stack.Close], a signal or kill -9 ends the
// process and all its children. The next start finds all data that was acknowledged.
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
	told       map[string]string // variables that replace those of the templates
	url        string
	engine     *engine.Engine
	secrets    *secrets.Store
	secretsURL string
	wall       *iam.Wall
	functions  map[string]*lambda.Function // by short name

	close   sync.Once
	closers []func() // Close calls the last one first.
}

// Start starts a stack and returns when it serves. When it returns an error, nothing
// runs any more. The error is one sentence for a user.
func Start(ctx context.Context, o Options) (*Stack, error) {
	s := &Stack{options: o.withDefaults(), functions: map[string]*lambda.Function{}}
	if err := s.start(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// start first does what can fail fast and with a clear error.
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

// vacancy is how long Start waits for a folder that is locked although no stack runs
// in it. After a kill it takes a moment until the children have ended.
const vacancy = 10 * time.Second

// take locks the folder. It waits while the lock is held and no stack runs.
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

// occupy creates the folder and locks it.
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
	// The state of a stack that was killed is no longer true.
	if err := os.Remove(statePath(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the folder %s cannot be used: %w", dir, err)
	}
	return nil
}

// onClose adds a function that Close calls. The last one is called first.
func (s *Stack) onClose(f func()) { s.closers = append(s.closers, f) }

// step reports a step that began at this time and is finished.
func (s *Stack) step(began time.Time, format string, args ...any) {
	s.options.Progress(Step{What: fmt.Sprintf(format, args...), Took: time.Since(began)})
}

// Close stops the stack within two seconds. It waits one second for running requests
// and then ends all processes. A second call waits for the first.
func (s *Stack) Close() {
	s.close.Do(func() {
		for _, f := range slices.Backward(s.closers) {
			f()
		}
	})
}

// Wait returns nil when ctx is done. It returns an error when the database engine
// ends before that.
func (s *Stack) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.engine.Done():
		return fmt.Errorf("the database engine (process %d) ended by itself: %w", s.engine.PID(), s.engine.Err())
	}
}

// BaseURL returns the address of the HTTP API without a trailing slash. It is also
// the issuer.
func (s *Stack) BaseURL() string { return s.url }

// Stage returns what the templates declare.
func (s *Stack) Stage() *cfn.Stage { return s.stage }

// Dir returns the folder of the stack.
func (s *Stack) Dir() string { return s.options.Dir }

// DynamoDB returns a client for operators. No role limits it.
func (s *Stack) DynamoDB() *dynamodb.Client { return engine.Client(s.engine.URL()) }

// Wall is the wall, which counts calls and injects faults.
func (s *Stack) Wall() *iam.Wall { return s.wall }

// Report says which calls the wall refused and which grants nothing used.
func (s *Stack) Report() iam.Report { return s.wall.Report() }
