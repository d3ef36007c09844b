// Package engine starts a database that speaks the DynamoDB protocol.
//
// Tests and the local stack do not use an imitation of DynamoDB. They talk over
// HTTP to dynoxide, a single binary over SQLite that evaluates conditions,
// transactions and capacity as AWS does. `npm ci` installs it.
//
// Another server of the protocol works too, such as DynamoDB Local of AWS. When
// [EnvEndpoint] names one, this package uses it and starts nothing.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/child"
	"github.com/tipstaff/tipstaff/shared/local/lock"
)

// Engine is a running engine.
type Engine struct {
	url     string
	process *child.Process
	lock    *lock.Lock
}

// Options describe where the data is.
type Options struct {
	// Path is the database file. When it is empty, the data is in memory.
	Path string
	// Log receives the output of the engine. It may be nil.
	Log io.Writer
}

const (
	// attempts is how often Start chooses a port. Another process can take the
	// port before the engine does.
	attempts = 5
	// patience is how long a start may take. It normally takes 3 to 30 ms.
	patience = 10 * time.Second
	// handover is how long Start waits for the lock of an engine that was
	// killed.
	handover = time.Second
)

// Start finds an engine and starts it, or uses the one that [EnvEndpoint] names.
// It returns when the engine answers. When no engine is found, the error is a
// [MissingError]. When another engine uses the database, it is a
// [lock.HeldError].
func Start(ctx context.Context, o Options) (*Engine, error) {
	if url := strings.TrimSuffix(os.Getenv(EnvEndpoint), "/"); url != "" {
		if _, err := ask(ctx, url); err != nil {
			return nil, fmt.Errorf("%s names a database engine that does not answer: %w", EnvEndpoint, err)
		}
		return &Engine{url: url}, nil
	}
	binary, err := Find()
	if err != nil {
		return nil, err
	}
	held, err := take(ctx, o.Path)
	if err != nil {
		return nil, err
	}
	for range attempts {
		e, err := start(ctx, binary, held, o)
		if errors.Is(err, errPortTaken) {
			continue
		}
		if err != nil && held != nil {
			held.Release()
		}
		return e, err
	}
	if held != nil {
		held.Release()
	}
	return nil, fmt.Errorf("start the database engine: %w %d times", errPortTaken, attempts)
}

// URL returns the endpoint without a trailing slash.
func (e *Engine) URL() string { return e.url }

// PID returns the process id of the engine. It is 0 for an engine that
// [EnvEndpoint] names.
func (e *Engine) PID() int {
	if e.process == nil {
		return 0
	}
	return e.process.PID()
}

// Done returns a channel that is closed when the engine has ended. It is nil for
// an engine that [EnvEndpoint] names.
func (e *Engine) Done() <-chan struct{} {
	if e.process == nil {
		return nil
	}
	return e.process.Done()
}

// Err waits for the end and returns how the engine ended. It returns nil at once
// for an engine that [EnvEndpoint] names.
func (e *Engine) Err() error {
	if e.process == nil {
		return nil
	}
	return e.process.Err()
}

// Close stops the engine within half a second. A database file stays. Close does
// not stop an engine that [EnvEndpoint] names. A second call does nothing.
func (e *Engine) Close() {
	if e.process == nil {
		return
	}
	connections.CloseIdleConnections() // The engine waits for them.
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	e.process.Stop(ctx)
	if e.lock != nil {
		e.lock.Release()
	}
}

// take locks the database at path. The engine inherits the lock: after a kill -9
// of its parent, no other process opens the database before the engine has ended.
// That takes a moment, so take tries again for a while.
func take(ctx context.Context, path string) (*lock.Lock, error) {
	if path == "" {
		return nil, nil
	}
	until := time.Now().Add(handover)
	for {
		held, err := lock.Take(path + ".lock")
		if _, busy := errors.AsType[*lock.HeldError](err); !busy || time.Now().After(until) {
			return held, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var errPortTaken = errors.New("another process took the chosen port")

func start(ctx context.Context, binary string, held *lock.Lock, o Options) (*Engine, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, fmt.Errorf("start the database engine: %w", err)
	}
	command := child.Command{
		Path: binary,
		Args: []string{"serve", "--host", "127.0.0.1", "--port", strconv.Itoa(port)},
		Env:  []string{"HOME=" + os.TempDir()},
		Log:  o.Log,
	}
	if o.Path != "" {
		path, err := filepath.Abs(o.Path)
		if err != nil {
			return nil, fmt.Errorf("start the database engine: %w", err)
		}
		command.Args = append(command.Args, "--db-path", path)
		command.Files = []*os.File{held.File()}
	}
	process, err := child.Start(command)
	if err != nil {
		return nil, fmt.Errorf("start the database engine: %w", err)
	}
	e := &Engine{url: fmt.Sprintf("http://127.0.0.1:%d", port), process: process, lock: held}
	if held != nil {
		err = held.Name(process.PID())
	}
	if err == nil {
		err = e.await(ctx)
	}
	if err != nil {
		process.Kill()
		return nil, err
	}
	return e, nil
}

// await returns when the engine prints that it listens, and answers. An answer
// alone proves nothing: it could come from another process that took the port.
func (e *Engine) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if e.listening() {
			if status, err := ask(ctx, e.url); err == nil && status == http.StatusOK {
				return nil
			}
		}
		select {
		case <-e.process.Done():
			said := strings.Join(e.process.Lines(), "; ")
			if strings.Contains(said, "in use") {
				return errPortTaken
			}
			return fmt.Errorf("the database engine said %q and ended: %w", said, e.process.Err())
		case <-ctx.Done():
			return fmt.Errorf("the database engine does not answer on %s: %w", e.url, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

func (e *Engine) listening() bool {
	for _, line := range e.process.Lines() {
		if strings.Contains(line, "listening on "+e.url) {
			return true
		}
	}
	return false
}

// ask returns the status of the answer to a GET request. Any status shows that a
// server is there.
func ask(ctx context.Context, url string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/", http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := connections.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return response.StatusCode, nil
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
