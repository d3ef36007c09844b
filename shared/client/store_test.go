package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

var epoch = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// bench is a store over a real table, with a clock and a counter of calls.
type bench struct {
	*client.Store
	calls atomic.Int64
	now   time.Time
	raw   *dynamodb.Client
}

func newBench(t *testing.T) *bench {
	t.Helper()
	raw, name := enginetest.DB(t)
	b := &bench{now: epoch, raw: raw}
	counted := dynamodb.New(raw.Options(), func(o *dynamodb.Options) {
		o.HTTPClient = counter{o.HTTPClient, &b.calls}
	})
	b.Store = &client.Store{DB: counted, Table: name(contract.Registry), Now: func(context.Context) time.Time { return b.now }}
	return b
}

type counter struct {
	aws.HTTPClient
	calls *atomic.Int64
}

func (c counter) Do(r *http.Request) (*http.Response, error) {
	c.calls.Add(1)
	return c.HTTPClient.Do(r)
}

func (b *bench) put(t *testing.T, item map[string]types.AttributeValue) {
	t.Helper()
	if _, err := b.raw.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.Table, Item: item}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) remove(t *testing.T, key map[string]types.AttributeValue) {
	t.Helper()
	if _, err := b.raw.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &b.Table, Key: key}); err != nil {
		t.Fatal(err)
	}
}

// authenticate checks the outcome and the number of calls.
func (b *bench) authenticate(t *testing.T, id, secret string, want error, calls int64) {
	t.Helper()
	before := b.calls.Load()
	c, err := b.Authenticate(t.Context(), id, secret)
	if !errors.Is(err, want) {
		t.Errorf("Authenticate(%q, %.12q…) = %v, want %v", id, secret, err, want)
	}
	if (c == nil) != (want != nil) {
		t.Errorf("Authenticate(%q, %.12q…) = %v, %v, want a client or an error", id, secret, c, err)
	}
	if got := b.calls.Load() - before; got != calls {
		t.Errorf("Authenticate(%q, %.12q…) made %d calls, want %d", id, secret, got, calls)
	}
}

func worker(secrets ...client.Secret) *client.Client {
	return &client.Client{
		ID: "worker", Name: "Worker", AuthMethods: []string{oauth.ClientSecretBasic},
		Grants: []string{oauth.GrantClientCredentials}, Secrets: secrets, Revision: 1,
		Access: []client.Access{{Resource: "https://api.example.com", Scopes: []string{"read"}}},
	}
}

func TestAuthenticateCountsCalls(t *testing.T) {
	b := newBench(t)
	secret, other := client.NewSecret(), client.NewSecret()
	b.put(t, client.EncodeClient(worker(client.HashSecret(secret))))

	b.authenticate(t, "worker", secret, nil, 1)
	b.authenticate(t, "worker", secret, nil, 0)
	b.authenticate(t, "worker", other, client.ErrSecret, 1)
	b.authenticate(t, "worker", other, client.ErrSecret, 1)
	b.authenticate(t, "unknown", other, client.ErrUnknown, 1)
	b.authenticate(t, "unknown", other, client.ErrUnknown, 1)
	b.authenticate(t, "worker", secret, nil, 0)
	b.now = b.now.Add(client.DefaultTTL)
	b.authenticate(t, "worker", secret, nil, 1)
}

// A malformed credential is refused without a read, and the answer does not show
// whether the client exists.
func TestMalformedCredentialCostsNoRead(t *testing.T) {
	b := newBench(t)
	secret := client.NewSecret()
	b.put(t, client.EncodeClient(worker(client.HashSecret(secret))))
	for _, bad := range []string{"", "tss_", secret + "0", secret[:len(secret)-1], strings.Repeat("x", 513)} {
		b.authenticate(t, "worker", bad, client.ErrSecret, 0)
		b.authenticate(t, "unknown", bad, client.ErrSecret, 0)
	}
	b.authenticate(t, "worker#", secret, client.ErrUnknown, 0)
	b.authenticate(t, "", secret, client.ErrUnknown, 0)
}

// A secret that we did not issue works if its hash is registered.
func TestImportedSecretAuthenticates(t *testing.T) {
	const foreign = "a secret that came from another server, 0123456789abcdef"
	b := newBench(t)
	b.put(t, client.EncodeClient(worker(client.HashSecret(foreign))))
	b.authenticate(t, "worker", foreign+"0", client.ErrSecret, 1)
	b.authenticate(t, "worker", foreign, nil, 0)
}

// The hash of the empty secret in the table does not open an empty secret.
func TestAuthenticateEmptySecretStored(t *testing.T) {
	b := newBench(t)
	b.put(t, client.EncodeClient(worker(client.HashSecret(""))))
	b.authenticate(t, "worker", "", client.ErrSecret, 0)
}

func TestAuthenticateWithoutSecrets(t *testing.T) {
	b := newBench(t)
	b.put(t, client.EncodeClient(worker()))
	b.authenticate(t, "worker", client.NewSecret(), client.ErrSecret, 1)
	b.authenticate(t, "worker", "", client.ErrSecret, 0)
}

func TestAuthenticateExpiredSecret(t *testing.T) {
	b := newBench(t)
	old, next := client.NewSecret(), client.NewSecret()
	ending := client.HashSecret(old)
	ending.NotAfter = epoch.Add(10 * time.Second)
	b.put(t, client.EncodeClient(worker(ending, client.HashSecret(next))))

	b.authenticate(t, "worker", old, nil, 1)
	b.authenticate(t, "worker", next, nil, 0)
	b.now = epoch.Add(10*time.Second - 1)
	b.authenticate(t, "worker", old, nil, 0)
	b.now = epoch.Add(10 * time.Second)
	b.authenticate(t, "worker", old, client.ErrSecret, 1) // although it is cached
	b.authenticate(t, "worker", next, nil, 0)
}

// A rotated secret works at once. The replaced one stops within TTL.
func TestRotatedSecretWorksAtOnce(t *testing.T) {
	b := newBench(t)
	old, next := client.NewSecret(), client.NewSecret()
	b.put(t, client.EncodeClient(worker(client.HashSecret(old))))
	b.authenticate(t, "worker", old, nil, 1)

	b.put(t, client.EncodeClient(worker(client.HashSecret(next))))
	b.authenticate(t, "worker", old, nil, 0)
	b.authenticate(t, "worker", next, nil, 1)
	b.authenticate(t, "worker", old, client.ErrSecret, 1)
}

func TestAuthenticateDisabledAndRemoved(t *testing.T) {
	b := newBench(t)
	secret := client.NewSecret()
	c := worker(client.HashSecret(secret))
	b.put(t, client.EncodeClient(c))
	b.authenticate(t, "worker", secret, nil, 1)

	c.Disabled = true
	b.put(t, client.EncodeClient(c))
	b.now = b.now.Add(client.DefaultTTL - 1)
	b.authenticate(t, "worker", secret, nil, 0)
	b.now = b.now.Add(1)
	b.authenticate(t, "worker", secret, client.ErrDisabled, 1)
	b.authenticate(t, "worker", client.NewSecret(), client.ErrSecret, 1) // a wrong secret does not reveal it
	c.Disabled = false
	b.put(t, client.EncodeClient(c))
	b.authenticate(t, "worker", secret, nil, 1) // enabled works at once

	b.remove(t, client.ClientKey("worker"))
	b.now = b.now.Add(client.DefaultTTL)
	b.authenticate(t, "worker", secret, client.ErrUnknown, 1)
	b.authenticate(t, "worker", secret, client.ErrUnknown, 1)
}

// An item of another kind is not a client, whatever its id.
func TestClientIgnoresOtherKinds(t *testing.T) {
	b := newBench(t)
	b.put(t, client.EncodeResource(&client.Resource{ID: "worker", Algorithm: oauth.ES256}))
	if _, err := b.Client(t.Context(), "worker"); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("Client(worker) = %v, want ErrUnknown: only a resource has that id", err)
	}
}

func TestResource(t *testing.T) {
	b := newBench(t)
	const id = "https://api.example.com"
	b.put(t, client.EncodeResource(&client.Resource{
		ID: id, Name: "API", Algorithm: oauth.RS256, Lifetime: 10 * time.Minute,
		Scopes: []client.Scope{{Name: "read", Description: "Read"}}, Revision: 2,
	}))
	for calls := int64(1); calls >= 0; calls-- {
		before := b.calls.Load()
		r, err := b.Resource(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Algorithm != oauth.RS256 || r.Lifetime != 10*time.Minute || !r.Defines("read") || r.Defines("write") {
			t.Errorf("Resource(%q) = %+v, want RS256, 10m and the scope read", id, r)
		}
		if got := b.calls.Load() - before; got != calls {
			t.Errorf("Resource(%q) made %d calls, want %d", id, got, calls)
		}
	}
	if _, err := b.Resource(t.Context(), id+"/other"); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("Resource(%q) = %v, want ErrUnknown", id+"/other", err)
	}
	before := b.calls.Load()
	if r, err := b.Resource(t.Context(), client.API); err != nil || !r.Defines("ready") || b.calls.Load() != before {
		t.Errorf("Resource(%q) = %+v, %v with %d calls, want the built-in one with none", client.API, r, err, b.calls.Load()-before)
	}
}

// The cache is bounded: twice as many clients as it holds are all readable, and the
// first ones are dropped.
func TestCacheIsBounded(t *testing.T) {
	b := newBench(t)
	secret := client.NewSecret()
	hash := client.HashSecret(secret)
	const many = 1200
	write := func(ctx context.Context, from int) {
		var batch []types.WriteRequest
		for i := from; i < from+25; i++ {
			c := &client.Client{ID: fmt.Sprintf("c%d", i), Secrets: []client.Secret{hash}}
			batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: client.EncodeClient(c)}})
		}
		in := &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{b.Table: batch}}
		if _, err := b.raw.BatchWriteItem(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < many; i += 25 {
		write(t.Context(), i)
	}
	for i := range many {
		b.authenticate(t, fmt.Sprintf("c%d", i), secret, nil, 1)
	}
	before := b.calls.Load()
	for i := range many {
		if _, err := b.Client(t.Context(), fmt.Sprintf("c%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if calls := b.calls.Load() - before; calls < many-1000 {
		t.Errorf("reading %d clients again made %d calls, want at least %d: the cache holds 1000", many, calls, many-1000)
	}
}

// A failed read gives its own error, and no refusal of the client.
func TestOutageIsNoRefusalOfTheClient(t *testing.T) {
	b := newBench(t)
	b.DB = dynamodb.New(b.raw.Options(), func(o *dynamodb.Options) {
		o.BaseEndpoint = aws.String("http://127.0.0.1:1")
		o.RetryMaxAttempts = 1
	})
	_, err := b.Authenticate(t.Context(), "worker", client.NewSecret())
	if err == nil || errors.Is(err, client.ErrUnknown) || errors.Is(err, client.ErrSecret) {
		t.Errorf("Authenticate without a database = %v, want an error that is no refusal", err)
	}
}
