package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	localsecrets "github.com/tipstaff/tipstaff/shared/local/secrets"
	"github.com/tipstaff/tipstaff/shared/upstream/secrets"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

const (
	name    = "tipstaff-test-upstreams"
	first   = "GOCSPX-first"
	second  = "GOCSPX-second"
	newborn = `{"format":"tipstaff-upstreams/1","seed":"abc"}`
)

// bench is the Secrets Manager of the local stack, with a vault, an editor and a clock.
type bench struct {
	*secrets.Vault
	*secrets.Editor
	t     *testing.T
	now   time.Time
	calls atomic.Int64
	// before runs before each call. A non-nil error becomes the answer.
	before func(operation string) error
	// after loses the reply to an operation of that name.
	after string
}

func newBench(t *testing.T, value string) *bench {
	t.Helper()
	store, err := localsecrets.Open(filepath.Join(t.TempDir(), "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Ensure(cfn.Secret{Name: name, ARN: cfn.Local.SecretARN(name), Value: &value}); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, now: time.Unix(1_800_000_000, 0)}
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	client := secretsmanager.New(secretsmanager.Options{
		Region: "eu-central-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1, HTTPClient: through{b},
		Credentials: aws.Static("a", "b", ""),
	})
	db, table := enginetest.DB(t)
	b.Vault = &secrets.Vault{Client: client, Name: name, Now: func(context.Context) time.Time { return b.now }}
	b.Editor = &secrets.Editor{
		Client: client, Name: name, DB: db, Actor: "operator",
		Trail: &audit.Trail{Table: table(contract.Audit), Days: 30, Now: func(context.Context) time.Time { return time.Now() }},
	}
	return b
}

type through struct{ b *bench }

func (h through) Do(r *http.Request) (*http.Response, error) {
	h.b.calls.Add(1)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if h.b.before != nil {
		if err := h.b.before(operation); err != nil {
			return nil, err
		}
	}
	// In memory, as wire/aws sends it: the SDK closes its own body when the head of
	// the answer is there, which may be before net/http has looked for its end.
	if body, err := io.ReadAll(r.Body); err == nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := http.DefaultClient.Do(r)
	if err == nil && operation == h.b.after {
		_ = resp.Body.Close()
		return nil, errors.New("the answer is lost")
	}
	return resp, err
}

func (b *bench) set(id, secret string) {
	b.t.Helper()
	if err := b.Set(b.t.Context(), id, secret); err != nil {
		b.t.Fatal(err)
	}
}

// gives checks the secret that the vault returns for an upstream, and the number of calls.
func (b *bench) gives(id, want string, calls int64) {
	b.t.Helper()
	before := b.calls.Load()
	got, err := b.Secret(b.t.Context(), id)
	if got != want || (err == nil) != (want != "") {
		b.t.Errorf("Secret(%s) = %q, %v, want %q", id, got, err, want)
	}
	if want == "" && !errors.Is(err, secrets.ErrNone) {
		b.t.Errorf("Secret(%s) = %v, want ErrNone", id, err)
	}
	if n := b.calls.Load() - before; n != calls {
		b.t.Errorf("Secret(%s) made %d calls, want %d", id, n, calls)
	}
}

// trail returns the audit actions and their client secrets.
func (b *bench) trail() []string {
	b.t.Helper()
	out, err := b.DB.Scan(b.t.Context(), &dynamodb.ScanInput{TableName: &b.Trail.Table})
	if err != nil {
		b.t.Fatal(err)
	}
	var all []string
	for _, it := range out.Items {
		text := fmt.Sprint(plain(&types.AttributeValueMemberM{Value: it}))
		if strings.Contains(text, "GOCSPX") {
			b.t.Errorf("the trail has %s", text)
		}
		detail := it["detail"].(*types.AttributeValueMemberM).Value
		all = append(all, fmt.Sprint(plain(it["action"]), " ", plain(it["object"]), " ", plain(detail["client_secret"]), " ", plain(it["outcome"])))
	}
	return all
}

// plain returns the value that an attribute value points to.
func plain(v types.AttributeValue) any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberM:
		m := map[string]any{}
		for k, v := range v.Value {
			m[k] = plain(v)
		}
		return m
	}
	return v
}

func TestSetAndRemove(t *testing.T) {
	b := newBench(t, newborn)
	b.gives("google", "", 1)
	b.set("google", first)
	b.set("github", second)
	b.now = b.now.Add(time.Minute)
	b.gives("google", first, 1)
	b.gives("github", second, 0)
	if ids, err := b.IDs(t.Context()); err != nil || !reflect.DeepEqual(ids, []string{"github", "google"}) {
		t.Errorf("IDs = %v, %v, want both", ids, err)
	}
	if err := b.Remove(t.Context(), "google"); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Minute)
	b.gives("google", "", 1)
	b.gives("github", second, 0)
	if err := b.Remove(t.Context(), "google"); !errors.Is(err, secrets.ErrNone) || !strings.Contains(err.Error(), "google") {
		t.Errorf("Remove twice = %v, want ErrNone and of what", err)
	}
	counts := map[string]int{}
	for _, line := range b.trail() {
		counts[line]++
	}
	want := map[string]int{
		"upstream.secret upstream#google set success": 1, "upstream.secret upstream#github set success": 1,
		"upstream.secret upstream#google removed success": 1,
	}
	if !reflect.DeepEqual(counts, want) {
		t.Errorf("trail = %v, want %v", counts, want)
	}
}

// A new secret is seen within a minute, and a missed one within seconds. Requests for missing
// secrets do not cause continuous reading.
func TestMissingSecretsCauseNoContinuousReading(t *testing.T) {
	b := newBench(t, newborn)
	b.set("google", first)
	b.gives("google", first, 1)
	b.set("google", second)
	b.now = b.now.Add(59 * time.Second)
	b.gives("google", first, 0)
	b.now = b.now.Add(time.Second)
	b.gives("google", second, 1)

	b.gives("github", "", 0)
	b.set("github", first)
	b.now = b.now.Add(4 * time.Second)
	b.gives("github", "", 0)
	b.now = b.now.Add(time.Second)
	b.gives("github", first, 1)
	b.now = b.now.Add(-time.Hour)
	b.gives("github", first, 1) // the clock was set back, and the age is unknown
}

// While the secret cannot be read, the held secrets serve for a day, and the error for a
// missing one is not ErrNone.
func TestHeldSecretsServeThroughAnOutage(t *testing.T) {
	b := newBench(t, newborn)
	b.set("google", first)
	b.gives("google", first, 1)
	down := errors.New("down")
	b.before = func(string) error { return down }
	b.now = b.now.Add(23 * time.Hour)
	b.gives("google", first, 1)
	b.gives("google", first, 0)
	if _, err := b.Secret(t.Context(), "github"); err == nil || errors.Is(err, secrets.ErrNone) {
		t.Errorf("Secret(github) in an outage = %v, want an error other than ErrNone", err)
	}
	b.now = b.now.Add(time.Hour)
	if s, err := b.Secret(t.Context(), "google"); err == nil || errors.Is(err, secrets.ErrNone) {
		t.Errorf("Secret after a day = %q, %v, want the error of the read", s, err)
	}
	b.before = nil
	b.now = b.now.Add(10 * time.Second)
	b.gives("google", first, 1)
}

// A malformed document gives no secret, is not changed, and is not quoted.
func TestMalformedDocumentIsNotChanged(t *testing.T) {
	for what, value := range map[string]string{
		"text":              "hunter2",
		"null":              "null",
		"list":              `["hunter2"]`,
		"no format":         `{"client_secrets":{"google":"hunter2"}}`,
		"keys":              `{"format":"tipstaff-keys/1","client_secrets":{"google":"hunter2"}}`,
		"format is no text": `{"format":1,"client_secrets":{"google":"hunter2"}}`,
		"secrets a list":    `{"format":"tipstaff-upstreams/1","client_secrets":["hunter2"]}`,
		"secrets null":      `{"format":"tipstaff-upstreams/1","client_secrets":null}`,
		"secret a number":   `{"format":"tipstaff-upstreams/1","client_secrets":{"google":7}}`,
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, value)
			s, err := b.Secret(t.Context(), "google")
			if err == nil || errors.Is(err, secrets.ErrNone) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Secret = %q, %v, want an error that quotes nothing", s, err)
			}
			if err := b.Set(t.Context(), "google", first); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Set = %v, want an error that quotes nothing", err)
			}
			if _, err := b.IDs(t.Context()); err == nil {
				t.Error("IDs = nil, want an error")
			}
			if lines := b.trail(); len(lines) != 0 {
				t.Errorf("trail = %v, want nothing", lines)
			}
		})
	}
}

// Members that a later release added to the document stay.
func TestUnknownMembersStay(t *testing.T) {
	b := newBench(t, `{"format":"tipstaff-upstreams/1","seed":"abc","client_keys":{"google":"k"},"client_secrets":{"other":"GOCSPX-other"}}`)
	b.set("google", first)
	out, err := b.Vault.Client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: new(name)})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"client_keys":{"google":"k"},"client_secrets":{"google":"GOCSPX-first","other":"GOCSPX-other"},"format":"tipstaff-upstreams/1","seed":"abc"}`
	if *out.SecretString != want {
		t.Errorf("document = %s, want %s", *out.SecretString, want)
	}
}

func TestCheck(t *testing.T) {
	const strange = "client secret has a character that no client secret has, or more than one line"
	for in, want := range map[string]string{
		first: "", "a b~!\"\\": "", strings.Repeat("a", secrets.MaxSecret): "",
		"":                                       "client secret is empty",
		strings.Repeat("a", secrets.MaxSecret+1): "client secret is longer than 4096 bytes",
		" a":                                     "client secret begins or ends with a space",
		"a\n":                                    "client secret begins or ends with a space",
		"a\nb":                                   strange,
		"a\x1bb":                                 strange,
		"ü":                                      strange,
		"\xff":                                   strange,
	} {
		got := ""
		if err := secrets.Check(in); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Check(%.20q) = %q, want %q", in, got, want)
		}
	}
	b := newBench(t, newborn)
	if err := b.Set(t.Context(), "google", ""); err == nil || b.calls.Load() != 0 {
		t.Errorf("Set of an empty secret = %v with %d calls, want it refused at once", err, b.calls.Load())
	}
}

// All secrets together fit the limit of Secrets Manager.
func TestAllSecretsFitTheLimit(t *testing.T) {
	b := newBench(t, newborn)
	long := strings.Repeat("a", secrets.MaxSecret)
	for i := range 15 {
		b.set(fmt.Sprint(i), long)
	}
	const want = "all client secrets together are longer than 65536 bytes"
	if err := b.Set(t.Context(), "15", long); err == nil || err.Error() != want {
		t.Errorf("Set of the sixteenth long secret = %v, want %s", err, want)
	}
}

// Of two concurrent operators one gets ErrChanged and the other's secret is stored. The trail
// has an entry for each attempt and for each result.
func TestOneOfTwoConcurrentChangesSucceeds(t *testing.T) {
	b := newBench(t, newborn)
	var together sync.WaitGroup
	together.Add(2)
	b.before = func(operation string) error {
		if operation == "PutSecretValue" { // both have read the secret
			together.Done()
			together.Wait()
		}
		return nil
	}
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i, id := range []string{"google", "github"} {
		wg.Go(func() { errs[i] = b.Set(t.Context(), id, first) })
	}
	wg.Wait()
	b.before = nil
	winner, loser, id := errs[0], errs[1], "google"
	if winner != nil {
		winner, loser, id = loser, winner, "github"
	}
	if winner != nil || !errors.Is(loser, secrets.ErrChanged) {
		t.Fatalf("two at once = %v and %v, want one nil and one ErrChanged", errs[0], errs[1])
	}
	if ids, err := b.IDs(t.Context()); err != nil || !reflect.DeepEqual(ids, []string{id}) {
		t.Errorf("IDs = %v, %v, want %s alone", ids, err, id)
	}
	refused := 0
	lines := b.trail()
	for _, line := range lines {
		if strings.HasSuffix(line, "refused") {
			refused++
		}
	}
	if len(lines) != 3 || refused != 1 {
		t.Errorf("trail = %v, want three entries, one of them refused", lines)
	}
}

// A change that succeeded is a success, also when its reply was lost.
func TestLostReplyIsASuccess(t *testing.T) {
	b := newBench(t, newborn)
	b.after = "UpdateSecretVersionStage"
	b.set("google", first)
	b.gives("google", first, 1)
	if lines := b.trail(); len(lines) != 1 {
		t.Errorf("trail = %v, want one entry", lines)
	}
}

// Without its audit entry there is no change.
func TestNoChangeWithoutEntry(t *testing.T) {
	b := newBench(t, newborn)
	b.Trail.Table = "t-nowhere"
	if err := b.Set(t.Context(), "google", first); err == nil || strings.Contains(err.Error(), first) {
		t.Errorf("Set without a trail = %v, want an error", err)
	}
	b.gives("google", "", 1)
}

// When the secret cannot be written, no success is reported.
func TestFailedSetReportsNoSuccess(t *testing.T) {
	for _, operation := range []string{"PutSecretValue", "UpdateSecretVersionStage"} {
		b := newBench(t, newborn)
		b.before = func(o string) error {
			if o == operation {
				return errors.New("no")
			}
			return nil
		}
		if err := b.Set(t.Context(), "google", first); err == nil || errors.Is(err, secrets.ErrChanged) || strings.Contains(err.Error(), first) {
			t.Errorf("Set when %s fails = %v, want an error", operation, err)
		}
		b.before = nil
		b.gives("google", "", 1)
		for _, line := range b.trail() {
			if operation == "PutSecretValue" {
				t.Errorf("trail has %s, want nothing", line)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(newborn))
	f.Add([]byte(`{"format":"tipstaff-upstreams/1","client_secrets":{"a":"b"}}`))
	f.Add([]byte(`{"format":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, err := secrets.Parse(data); (d == nil) == (err == nil) {
			t.Errorf("Parse(%q) = %v, %v, want a document or an error", data, d, err)
		}
	})
}
