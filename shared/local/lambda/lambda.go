// Package lambda runs Lambda functions on this machine as Lambda does: as their real
// `bootstrap` processes behind a Runtime API.
//
// # Processes
//
// A custom runtime is a program that asks its Runtime API for the next event, works on
// it, posts the answer and asks again. One process works on one event at a time; more
// events at once mean more processes. A process knows its surroundings only by its
// environment. So a [Function] here needs only a binary, an environment, a timeout and
// a payload, and the binary cannot tell whether it runs here or on AWS.
//
// # Failures
//
// The failures are the same as on AWS. A process that misses its deadline is killed.
// One that crashes fails the event that it had, and the next event gets a fresh
// process. One that ends before it asked for work never gets any, and the error shows
// its last output. The function learns its memory limit, but nothing enforces it.
package lambda

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config describes a function.
type Config struct {
	// Name is the physical name, such as "tipstaff-staging-token".
	Name string
	// ARN is the ARN of the invoked function, as the process sees it.
	ARN string
	// Binary is the path of its bootstrap.
	Binary string
	// Handler is Lambda's Handler property; custom runtimes ignore it.
	Handler string
	Region  string
	// Env is the function's own environment, which Lambda's is added to.
	Env map[string]string
	// Memory is in MiB. The process learns it; nothing enforces it.
	Memory int
	// Timeout is how long one event may take; 0 means Lambda's 3 s.
	Timeout time.Duration
	// Patience multiplies Timeout and what a start may take, for a process that
	// runs under a tool which slows it down; 0 means 1.
	Patience int
	// Concurrency is how many processes there may be; 0 means one for each
	// CPU of this machine, and two at least. Further events wait: Lambda
	// would start more, but here they would share the same CPUs, and only
	// take turns more often.
	Concurrency int
	// Log receives the lines that the processes print; nil means nowhere.
	Log io.Writer
}

const (
	defaultTimeout = 3 * time.Second
	leastProcesses = 2
	// initTimeout is what Lambda gives a process to ask for its first event.
	initTimeout = 10 * time.Second
)

// ErrClosed answers an Invoke on a closed Function.
var ErrClosed = errors.New("the function is closed")

// Function is a function that can be invoked. Processes start when events need
// them and then stay.
type Function struct {
	config  Config
	slots   chan struct{} // one token for each process that is at work
	closing chan struct{}
	close   sync.Once
	invoked atomic.Int64

	mu   sync.Mutex
	idle []*process        // the one used last is last, and is used next
	all  map[*process]bool // nil once closed
}

// New returns the function; it starts nothing yet.
func New(c Config) *Function {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	c.Patience = max(c.Patience, 1)
	c.Timeout *= time.Duration(c.Patience)
	if c.Concurrency == 0 {
		c.Concurrency = max(leastProcesses, runtime.NumCPU())
	}
	if c.Log != nil {
		c.Log = &lockedWriter{w: c.Log}
	}
	return &Function{
		config:  c,
		slots:   make(chan struct{}, c.Concurrency),
		closing: make(chan struct{}),
		all:     map[*process]bool{},
	}
}

// Invoke gives payload to a process and returns its answer. A failure of the
// function is an *Error. When ctx ends first, Invoke returns but the function
// works on, as on Lambda, and its process is free again when it is done.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if err := f.acquire(ctx); err != nil {
		return nil, err
	}
	f.invoked.Add(1)
	for {
		p, err := f.take(ctx)
		if err != nil {
			f.release()
			return nil, err
		}
		e := newEvent(payload, f.config.Timeout)
		if !p.give(e) {
			// It ended while it was idle, before it read the event.
			e.cancel()
			f.drop(p)
			continue
		}
		return f.await(ctx, p, e)
	}
}

// await waits for the answer to e, in the background once ctx has ended.
func (f *Function) await(ctx context.Context, p *process, e *event) ([]byte, error) {
	select {
	case <-ctx.Done():
		go func() { _, _ = f.finish(p, e) }()
		return nil, ctx.Err()
	case a := <-e.answer:
		e.cancel()
		f.putBack(p)
		return a.payload, a.err
	case <-e.late:
	case <-p.child.Done():
	}
	return f.finish(p, e)
}

// finish waits until p is done with e, one way or another, and frees it.
func (f *Function) finish(p *process, e *event) ([]byte, error) {
	a := p.outcome(e)
	e.cancel()
	if p.dead() {
		f.drop(p)
		f.release()
	} else {
		f.putBack(p)
	}
	return a.payload, a.err
}

// Invocations is how many events the function was given.
func (f *Function) Invocations() int64 { return f.invoked.Load() }

// PIDs returns the ids of the processes that run, in ascending order.
func (f *Function) PIDs() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	pids := make([]int, 0, len(f.all))
	for p := range f.all {
		if !p.dead() {
			pids = append(pids, p.child.PID())
		}
	}
	slices.Sort(pids)
	return pids
}

// Close refuses further events, waits for those at work until ctx ends, and
// kills every process. It returns when all are gone.
func (f *Function) Close(ctx context.Context) {
	f.close.Do(func() {
		close(f.closing)
		for range cap(f.slots) {
			select {
			case f.slots <- struct{}{}:
			case <-ctx.Done():
			}
		}
		f.mu.Lock()
		all := f.all
		f.all, f.idle = nil, nil
		f.mu.Unlock()
		for p := range all {
			p.kill()
		}
	})
}

func (f *Function) acquire(ctx context.Context) error {
	select {
	case <-f.closing:
		return ErrClosed
	default:
	}
	select {
	case f.slots <- struct{}{}:
		return nil
	case <-f.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Function) release() { <-f.slots }

// take returns an idle process, or a new one that is ready for its first
// event.
func (f *Function) take(ctx context.Context) (*process, error) {
	f.mu.Lock()
	if n := len(f.idle); n > 0 {
		p := f.idle[n-1]
		f.idle = f.idle[:n-1]
		f.mu.Unlock()
		return p, nil
	}
	f.mu.Unlock()
	p, err := start(f.config)
	if err != nil {
		return nil, err
	}
	if !f.add(p) {
		p.kill()
		return nil, ErrClosed
	}
	if err := p.ready(ctx); err != nil {
		f.drop(p)
		return nil, err
	}
	return p, nil
}

func (f *Function) add(p *process) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all != nil {
		f.all[p] = true
	}
	return f.all != nil
}

func (f *Function) putBack(p *process) {
	f.mu.Lock()
	f.idle = append(f.idle, p)
	f.mu.Unlock()
	f.release()
}

func (f *Function) drop(p *process) {
	p.kill()
	f.mu.Lock()
	delete(f.all, p)
	f.mu.Unlock()
}

// lockedWriter lets several processes share a writer.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
