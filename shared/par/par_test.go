package par_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/par"
)

// bench is a store with a clock.
type bench struct {
	*par.Store
	now time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, table := enginetest.DB(t)
	b := &bench{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	b.Store = &par.Store{DB: db, Sessions: table(contract.Sessions), Now: func(context.Context) time.Time { return b.now }}
	return b
}

var params = url.Values{"client_id": {"app"}, "resource": {"https://a.example", "https://b.example"}, "state": {"ä&=+ %"}}

func (b *bench) push(t *testing.T) string {
	t.Helper()
	uri, life, err := b.Push(t.Context(), "app", params)
	if err != nil || life != time.Minute || !strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:tsp_") {
		t.Fatalf("Push = %q, %v, %v, want a request_uri for a minute", uri, life, err)
	}
	return uri
}

func TestPushAndOpen(t *testing.T) {
	b := newBench(t)
	uri := b.push(t)
	if other := b.push(t); other == uri {
		t.Error("two requests have one request_uri")
	}
	for range 2 { // pages are loaded again
		got, err := b.Open(t.Context(), "app", uri, b.now)
		if err != nil || got.Encode() != params.Encode() {
			t.Fatalf("Open = %v, %v, want %v", got, err, params)
		}
	}
	if err := b.Consume(t.Context(), uri); err != nil {
		t.Fatalf("Consume = %v, want nil", err)
	}
	if _, err := b.Open(t.Context(), "app", uri, b.now); !errors.Is(err, par.ErrUnknown) {
		t.Errorf("Open after the use = %v, want ErrUnknown", err)
	}
	if err := b.Consume(t.Context(), uri); !errors.Is(err, par.ErrUnknown) {
		t.Errorf("Consume again = %v, want ErrUnknown", err)
	}
}

// A browser that arrives within a minute may stay for ten more. Later ones are refused.
func TestTimelyBrowserMayStay(t *testing.T) {
	b := newBench(t)
	uri, start := b.push(t), b.now
	at := func(d time.Duration) time.Time { return start.Add(d) }
	for _, tt := range []struct {
		name         string
		now, arrived time.Time
		ok           bool
	}{
		{"in time", at(59 * time.Second), at(59 * time.Second), true},
		{"too late", at(time.Minute), at(time.Minute), false},
		{"arrived in time, decides later", at(10 * time.Minute), at(59 * time.Second), true},
		{"arrived in time, decides at the last moment", at(11*time.Minute - time.Second), at(0), true},
		{"arrived in time, decides too late", at(11 * time.Minute), at(0), false},
		{"arrived too late", at(10 * time.Minute), at(time.Minute), false},
	} {
		b.now = tt.now
		if _, err := b.Open(t.Context(), "app", uri, tt.arrived); (err == nil) != tt.ok || err != nil && !errors.Is(err, par.ErrUnknown) {
			t.Errorf("%s: Open = %v, want accepted %v", tt.name, err, tt.ok)
		}
	}
}

// A request belongs to the client that pushed it, and has one request_uri.
func TestForeignNames(t *testing.T) {
	b := newBench(t)
	uri := b.push(t)
	made := strings.TrimPrefix(uri, par.URIPrefix)
	for name, ask := range map[string][2]string{
		"another client":       {"other", uri},
		"no client":            {"", uri},
		"without the prefix":   {"app", made},
		"a URL":                {"app", "https://app.example.com/request"},
		"nothing":              {"app", ""},
		"the prefix alone":     {"app", par.URIPrefix},
		"cut":                  {"app", uri[:len(uri)-1]},
		"longer":               {"app", uri + "A"},
		"in upper case":        {"app", strings.ToUpper(uri)},
		"with a line end":      {"app", uri + "\n"},
		"never pushed":         {"app", par.URIPrefix + opaque.Write(opaque.PushedRequest, make([]byte, 32))},
		"too short":            {"app", par.URIPrefix + opaque.Write(opaque.PushedRequest, make([]byte, 31))},
		"another kind of ours": {"app", par.URIPrefix + opaque.Write(opaque.DeviceCode, make([]byte, 32))},
	} {
		if got, err := b.Open(t.Context(), ask[0], ask[1], b.now); !errors.Is(err, par.ErrUnknown) {
			t.Errorf("%s: Open = %v, %v, want ErrUnknown", name, got, err)
		}
		if ask[1] == uri {
			continue
		}
		if err := b.Consume(t.Context(), ask[1]); !errors.Is(err, par.ErrUnknown) {
			t.Errorf("%s: Consume = %v, want ErrUnknown", name, err)
		}
	}
	if _, err := b.Open(t.Context(), "app", uri, b.now); err != nil {
		t.Errorf("afterwards its owner's Open = %v, want nil", err)
	}
}

func TestConsumedOnceInParallel(t *testing.T) {
	b := newBench(t)
	uri := b.push(t)
	var used atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			switch err := b.Consume(t.Context(), uri); {
			case err == nil:
				used.Add(1)
			case !errors.Is(err, par.ErrUnknown):
				t.Errorf("Consume = %v, want nil or ErrUnknown", err)
			}
		})
	}
	group.Wait()
	if n := used.Load(); n != 1 {
		t.Errorf("%d of 8 used the request, want 1", n)
	}
}

// The item does not reveal the request_uri, and expires.
func TestItemDoesNotRevealTheURI(t *testing.T) {
	b := newBench(t)
	uri := b.push(t)
	out, err := b.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.Sessions})
	if err != nil || len(out.Items) != 1 {
		t.Fatalf("the table has %v, %v, want one item", out.Items, err)
	}
	stored, err := json.Marshal(out.Items[0])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(stored), strings.TrimPrefix(uri, par.URIPrefix)) {
		t.Errorf("the item %s has the name in it", stored)
	}
	if want := `"` + contract.TTL + `":{"Value":"1795349460"}`; !strings.Contains(string(stored), want) {
		t.Errorf("the item is %s, want %s, eleven minutes later", stored, want)
	}
}

// lossy loses the first reply.
type lossy struct {
	aws.HTTPClient
	lost bool
}

func (l *lossy) Do(r *http.Request) (*http.Response, error) {
	answer, err := l.HTTPClient.Do(r)
	if err != nil || l.lost {
		return answer, err
	}
	l.lost = true
	_ = answer.Body.Close()
	answer.StatusCode = http.StatusInternalServerError
	answer.Body = io.NopCloser(bytes.NewReader([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}`)))
	answer.ContentLength = -1
	return answer, nil
}

// A use with a lost reply counts as the same use when the SDK repeats it.
func TestUseWithALostReplyCountsOnce(t *testing.T) {
	b := newBench(t)
	uri := b.push(t)
	options := b.DB.Options()
	wire := &lossy{HTTPClient: options.HTTPClient}
	b.DB = dynamodb.New(options, func(o *dynamodb.Options) { o.HTTPClient = wire })
	if err := b.Consume(t.Context(), uri); err != nil || !wire.lost {
		t.Errorf("Consume = %v, reply lost %v, want nil after a lost reply", err, wire.lost)
	}
}

// An outage is an error and not ErrUnknown.
func TestOutageIsNotErrUnknown(t *testing.T) {
	b := newBench(t)
	uri := b.push(t)
	b.Sessions = "no-such-table"
	if _, err := b.Open(t.Context(), "app", uri, b.now); err == nil || errors.Is(err, par.ErrUnknown) {
		t.Errorf("Open = %v, want an error that is not ErrUnknown", err)
	}
	if err := b.Consume(t.Context(), uri); err == nil || errors.Is(err, par.ErrUnknown) {
		t.Errorf("Consume = %v, want an error that is not ErrUnknown", err)
	}
	if _, _, err := b.Push(t.Context(), "app", params); err == nil {
		t.Error("Push = nil, want an error")
	}
}
