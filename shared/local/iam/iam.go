// Package iam is the IAM of the local stack.
//
// On AWS the role of a function decides which calls to DynamoDB and Secrets
// Manager are allowed. A permission that is missing there is found after the
// deployment. In the local stack every call of a function goes through a proxy,
// the [Wall], so a missing permission is found on a laptop.
//
// # How a call is judged
//
// The proxy does what AWS does before it serves a request:
//
//   - It checks the signature (Signature Version 4). The access key tells which
//     function calls.
//   - It reads the operation and its tables, indexes or secret out of the request.
//   - It evaluates the policies that the synthesized template gives to the role of
//     the function.
//
// A call that the policies do not allow gets the answer that AWS gives.
//
// What the proxy does not understand is refused: a policy with a condition when
// the proxy is built, and an unknown operation or an ambiguous body when it
// arrives.
//
// # What it counts
//
// [Wall.Report] lists the calls that were refused, and the grants that no call
// used. After a test run such a grant can be removed. [Wall.Tally] counts the
// calls and the capacity that a request costs. [Wall.Inject] makes calls slow,
// fail, or lose their answer.
package iam

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

// Config describes the functions that call and the servers that are called.
type Config struct {
	// Stage declares the functions with their roles, and the secrets.
	Stage *cfn.Stage
	// DynamoDB and SecretsManager are the endpoints to which allowed calls go.
	DynamoDB       string
	SecretsManager string
	// AccessKey is the access key id that the endpoints see in place of that of
	// the function. DynamoDB Local of AWS keeps one database for each key, so it
	// must always be the same. Empty means "engine", the key of package engine.
	AccessKey string
	// Capacity makes [Wall.Tally] count the capacity that calls to DynamoDB
	// consume. It costs some CPU per call.
	Capacity bool
}

// Wall is an [http.Handler] that functions use as the endpoint of DynamoDB and
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

// caller is a function that calls.
type caller struct {
	name        string
	role        string
	credentials Credentials
	permissions *Permissions

	mu    sync.Mutex
	tally Tally
}

// New returns a wall. A policy that cannot be evaluated exactly is an error,
// because a decision that is a guess proves nothing.
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
			// A function makes one request at a time, but there are many
			// functions. An idle connection costs nothing.
			MaxIdleConnsPerHost: 256,
			IdleConnTimeout:     time.Minute,
			// The function decodes the answer, so it must pass unchanged.
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

// admit adds a function that may call.
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

// ErrUnknownFunction is returned when no template declares the function.
var ErrUnknownFunction = errors.New("no template declares this function")

// Credentials returns the credentials of a function. They are random, and valid as
// long as the wall exists.
func (w *Wall) Credentials(function string) (Credentials, error) {
	c, ok := w.byName[function]
	if !ok {
		return Credentials{}, fmt.Errorf("credentials of %s: %w", function, ErrUnknownFunction)
	}
	return c.credentials, nil
}

// callers returns all callers, sorted by name.
func (w *Wall) callers() []*caller {
	all := make([]*caller, 0, len(w.byName))
	for _, c := range w.byName {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *caller) int { return cmp.Compare(a.name, b.name) })
	return all
}

// Close closes the idle connections to the endpoints.
func (w *Wall) Close() { w.transport.CloseIdleConnections() }
