// Package wall is the IAM of the local stack.
//
// In AWS a function reaches DynamoDB or Secrets Manager only as far as its role
// allows, and a role that is too narrow shows itself after the deployment. Here
// every call of a function passes a proxy that does what AWS does before it
// serves a request: it checks the signature, learns from the access key which
// function calls, reads the operation and the tables out of the request, and
// evaluates the policies that the synthesized template gives to the role of
// that function. A call outside them is refused with the answer of AWS, so a
// forgotten permission fails on a laptop.
//
// The other direction matters as much. The wall notes which grants were used;
// after a test run, Report lists those that nothing used, and they can go.
//
// Whatever the wall does not understand it refuses: a policy with a condition
// when the wall is built, an unknown operation or a strange body when it comes.
//
// Tests have two more uses for a place that every call passes: Tally counts the
// calls and the capacity that a request costs, and Inject makes AWS slow,
// throttling or forgetful.
package wall

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// Config says whom the wall judges and what stands behind it.
type Config struct {
	// Stage has the functions with their roles, and the secrets.
	Stage *cfn.Stage
	// DynamoDB and SecretsManager are the endpoints behind the wall.
	DynamoDB       string
	SecretsManager string
	// AccessKey is the access key id that the endpoints see in place of a
	// function's own, because AWS's DynamoDB Local keeps a database per
	// key. Empty means "engine", the key of package engine.
	AccessKey string
	// Capacity makes every DynamoDB call report what it consumed, which
	// Tally then shows. It costs some CPU per call.
	Capacity bool
}

// Wall is an http.Handler that functions use as the endpoint of DynamoDB and
// Secrets Manager. It is safe for concurrent use.
type Wall struct {
	place     cfn.Place
	names     Names
	capacity  bool
	accessKey string
	upstream  map[string]*url.URL
	transport *http.Transport
	signer    *v4.Signer
	// byKey and byName find the same callers by access key and by name.
	byKey  map[string]*caller
	byName map[string]*caller
	fault  atomic.Pointer[func(Call) Fault]

	mu       sync.Mutex
	refusals map[Refusal]int
}

// caller is a function as the wall knows it.
type caller struct {
	name        string
	role        string
	credentials Credentials
	permissions *Permissions

	mu    sync.Mutex
	tally Tally
}

// New builds a wall. A policy that it cannot evaluate to the letter is an
// error: a wall that guesses would prove nothing.
func New(c Config) (*Wall, error) {
	w := &Wall{
		place:     c.Stage.Place,
		names:     Names{Place: c.Stage.Place, Secrets: c.Stage.Secrets},
		capacity:  c.Capacity,
		accessKey: c.AccessKey,
		upstream:  map[string]*url.URL{},
		signer:    v4.NewSigner(),
		byKey:     map[string]*caller{},
		byName:    map[string]*caller{},
		refusals:  map[Refusal]int{},
		transport: &http.Transport{
			// A function has one request at a time, but there are many
			// functions; an idle connection costs nothing.
			MaxIdleConnsPerHost: 256,
			IdleConnTimeout:     time.Minute,
			// The function decodes; the wall passes bytes on.
			DisableCompression: true,
		},
	}
	if w.accessKey == "" {
		w.accessKey = "engine"
	}
	for service, endpoint := range map[string]string{dynamoDB: c.DynamoDB, secretsManager: c.SecretsManager} {
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("endpoint of %s: %q is not a URL", service, endpoint)
		}
		w.upstream[service] = u
	}
	for _, f := range c.Stage.Functions {
		if err := w.admit(f); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// admit makes a function known to the wall.
func (w *Wall) admit(f cfn.Function) error {
	if w.byName[f.Name] != nil {
		return fmt.Errorf("two functions are named %s", f.Name)
	}
	permissions, err := Compile(f.Role.Policies)
	if err != nil {
		return fmt.Errorf("role %s: %w", f.Role.Name, err)
	}
	c := &caller{name: f.Name, role: f.Role.Name, credentials: newCredentials(), permissions: permissions}
	c.tally.Calls = map[string]int{}
	w.byName[f.Name] = c
	w.byKey[c.credentials.AccessKeyID] = c
	return nil
}

// ErrUnknownFunction says that no template declares the function.
var ErrUnknownFunction = errors.New("the wall does not know this function")

// Credentials are the credentials by which the wall knows the function. They
// are made up when the wall is built and die with it.
func (w *Wall) Credentials(function string) (Credentials, error) {
	c, ok := w.byName[function]
	if !ok {
		return Credentials{}, fmt.Errorf("credentials of %s: %w", function, ErrUnknownFunction)
	}
	return c.credentials, nil
}

// callers are all callers in the order of their names.
func (w *Wall) callers() []*caller {
	all := make([]*caller, 0, len(w.byName))
	for _, c := range w.byName {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *caller) int { return cmp.Compare(a.name, b.name) })
	return all
}

// Close drops the idle connections to the endpoints.
func (w *Wall) Close() { w.transport.CloseIdleConnections() }
