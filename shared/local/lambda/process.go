package lambda

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/child"
)

// process is one running bootstrap with its own Runtime API, so that the connection
// identifies the process.
type process struct {
	config Config
	child  *child.Process
	server *http.Server
	events chan *event   // handed to the process when it asks for work
	asked  chan struct{} // closed when it asked for the first time
	ask    sync.Once
	failed chan string // what it posted to init/error

	mu      sync.Mutex
	current *event // asked for and not yet answered
}

// event is one invocation.
type event struct {
	id       string
	payload  []byte
	deadline time.Time
	late     <-chan struct{} // closed at the deadline, or by cancel
	cancel   context.CancelFunc
	answer   chan answer
}

type answer struct {
	payload []byte
	err     error
}

func newEvent(payload []byte, timeout time.Duration) *event {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	e := &event{id: requestID(), payload: payload, late: ctx.Done(), cancel: cancel, answer: make(chan answer, 1)}
	e.deadline, _ = ctx.Deadline()
	return e
}

// requestID is a random UUID, as Lambda's are.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // Never fails.
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// start runs a process; it is not yet ready.
func start(c Config) (*process, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a Runtime API for %s: %w", c.Name, err)
	}
	p := &process{
		config: c,
		events: make(chan *event),
		asked:  make(chan struct{}),
		failed: make(chan string, 1),
	}
	p.server = &http.Server{Handler: p.runtimeAPI(), ReadHeaderTimeout: initTimeout}
	p.child, err = child.Start(child.Command{
		Path: c.Binary,
		Dir:  filepath.Dir(c.Binary),
		Env:  environment(c, listener.Addr().String()),
		Log:  c.Log,
	})
	if err != nil {
		_ = listener.Close()
		return nil, &Error{Function: c.Name, Type: TypeInit, Message: err.Error()}
	}
	go func() { _ = p.server.Serve(listener) }() // Ends with kill.
	return p, nil
}

// ready waits until the process asks for its first event. Its failure to do
// so is an *Error that shows why.
func (p *process) ready(ctx context.Context) error {
	limit := initTimeout * time.Duration(p.config.Patience)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var message string
	select {
	case <-p.asked:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case message = <-p.failed:
		message = "it reported: " + message
	case <-p.child.Done():
		message = fmt.Sprintf("the process ended before it asked for an event (%v)", p.end())
		select {
		case said := <-p.failed:
			message += " and reported: " + said
		default:
		}
	case <-timer.C:
		message = fmt.Sprintf("the process did not ask for an event within %v", limit)
	}
	p.kill() // Now all its lines are here.
	return &Error{Function: p.config.Name, Type: TypeInit, Message: message, Lines: p.child.Lines()}
}

// end says how the process ended.
func (p *process) end() string {
	if err := p.child.Err(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// give hands e to the process when it asks for it, and reports false when the
// process ended instead. A process that does not ask again in time after its
// last answer is killed.
func (p *process) give(e *event) bool {
	select {
	case p.events <- e:
		return true
	case <-p.child.Done():
		return false
	case <-e.late:
		p.kill()
		return false
	}
}

// outcome waits for the end of e: the answer, the deadline or the process's
// own end. After the last two the process is dead.
func (p *process) outcome(e *event) answer {
	failure := &Error{Function: p.config.Name}
	select {
	case a := <-e.answer:
		return a
	case <-e.late:
		failure.Type = TypeTimeout
		failure.Message = fmt.Sprintf("Task timed out after %.2f seconds", p.config.Timeout.Seconds())
		p.kill()
	case <-p.child.Done():
		failure.Type = TypeExit
		failure.Message = fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", e.id, p.end())
	}
	select {
	case a := <-e.answer: // It answered and then ended; the answer counts.
		return a
	default:
	}
	failure.Lines = p.child.Lines()
	return answer{err: failure}
}

func (p *process) dead() bool {
	select {
	case <-p.child.Done():
		return true
	default:
		return false
	}
}

// kill ends the process and its Runtime API; a second call does nothing.
func (p *process) kill() {
	p.child.Kill()
	_ = p.server.Close()
}
