package document_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/document"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// asked is an issuer with a function that puts an entry, or nothing for nil.
type asked struct {
	*document.Reader
	t     *testing.T
	calls int
	entry func() *document.Cached
	// status is the status of its answer.
	status int
}

func newReader(t *testing.T) (*asked, *bench) {
	t.Helper()
	b := newBench(t)
	a := &asked{t: t, status: 200}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.calls++
		if r.Method != "GET" || r.URL.Path != "/client" || r.URL.Query().Get("client_id") != id {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		if a.entry != nil {
			if err := b.Put(r.Context(), id, a.entry()); err != nil {
				t.Error(err)
			}
		}
		w.WriteHeader(a.status)
	}))
	t.Cleanup(server.Close)
	a.Reader = &document.Reader{Store: b.Store, Allowed: contract.ClientDocuments{Any: true}, Issuer: server.URL}
	return a, b
}

func (a *asked) found(calls int) {
	a.t.Helper()
	if c, err := a.Client(a.t.Context(), id); err != nil || c.ID != id || !c.SelfRegistered {
		a.t.Errorf("Client = %+v, %v, want one", c, err)
	}
	a.called(calls)
}

func (a *asked) called(calls int) {
	a.t.Helper()
	if a.calls != calls {
		a.t.Errorf("the function that fetches was asked %d times, want %d", a.calls, calls)
	}
}

// refused checks that there is no client, permanently or temporarily.
func (a *asked) refused(final bool, calls int) {
	a.t.Helper()
	c, err := a.Client(a.t.Context(), id)
	if err == nil || errors.Is(err, client.ErrUnknown) != final {
		a.t.Errorf("Client = %+v, %v, want an error that is ErrUnknown: %t", c, err, final)
	}
	a.called(calls)
}

func TestReader(t *testing.T) {
	a, b := newReader(t)
	a.entry = func() *document.Cached { return document.Found(app(), b.now, time.Hour) }
	a.found(1)
	a.found(1) // still fresh
	b.now = b.now.Add(time.Hour)
	a.found(2)

	// The document is gone. So is the client, and for a minute nothing asks again.
	b.now = b.now.Add(time.Hour)
	a.entry, a.status = func() *document.Cached { return document.Refused("gone", b.now) }, 400
	a.refused(true, 3)
	a.refused(true, 3)
	b.now = b.now.Add(document.RetryAfter)
	a.refused(true, 4)

	// The document exists again.
	b.now = b.now.Add(document.RetryAfter)
	a.entry, a.status = func() *document.Cached { return document.Found(app(), b.now, time.Hour) }, 200
	a.found(5)
}

// An outage of the client's host or of the function that fetches ends no client.
func TestOutageEndsNoClient(t *testing.T) {
	a, b := newReader(t)
	a.status = 503
	a.refused(false, 1)
	a.entry = func() *document.Cached { return document.Unreachable(nil, "down", b.now) }
	a.refused(false, 2)
	a.refused(false, 2) // not asked again within a minute

	if err := b.Put(t.Context(), id, document.Found(app(), b.now, 0)); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(document.MinFresh)
	a.entry = nil
	for _, status := range []int{429, 500, 503, 302} {
		a.status = status
		if c, err := a.Client(t.Context(), id); err != nil || c.ID != id {
			t.Errorf("with a stale document and an answer %d: %v", status, err)
		}
	}
	a.Issuer = "http://127.0.0.1:0" // where no server listens
	if c, err := a.Client(t.Context(), id); err != nil || c.ID != id {
		t.Errorf("with a stale document and no answer: %v", err)
	}
	b.now = b.now.Add(document.MaxStale)
	if _, err := a.Client(t.Context(), id); err == nil || errors.Is(err, client.ErrUnknown) {
		t.Errorf("a day later: %v, want an error that may go away", err)
	}
}

// A stage accepts documents from the hosts it lists and fetches no others.
func TestStageAcceptsOnlyItsHosts(t *testing.T) {
	for _, tt := range []struct {
		mode  string
		found bool
	}{
		{"off", false},
		{"any", true},
		{"app.example.com", true},
		{"other.example.com,app.example.com", true},
		{"example.com", false},
		{"xapp.example.com", false},
	} {
		a, b := newReader(t)
		a.entry = func() *document.Cached { return document.Found(app(), b.now, time.Hour) }
		allowed, err := contract.ParseClientDocuments(tt.mode)
		if err != nil {
			t.Fatal(err)
		}
		a.Allowed = allowed
		if tt.found {
			a.found(1)
			continue
		}
		a.refused(true, 0)
		// This includes entries that an earlier mode left in the table.
		if err := b.Put(t.Context(), id, document.Found(app(), b.now, time.Hour)); err != nil {
			t.Fatal(err)
		}
		a.refused(true, 0)
	}
}

// An id that is not the URL of a document causes no request.
func TestIDThatIsNoURLCausesNoRequest(t *testing.T) {
	a, _ := newReader(t)
	a.Store.Table = "no-such-table"
	for _, other := range []string{
		"https://127.0.0.1/c", "https://localhost/c", "https://app.example.com", "https://app.example.com:8443/c", "http://app.example.com/c",
		"https://user@app.example.com/c", "https://app.example.com/c#x",
	} {
		if c, err := a.Client(t.Context(), other); !errors.Is(err, client.ErrUnknown) {
			t.Errorf("Client(%q) = %+v, %v, want ErrUnknown", other, c, err)
		}
	}
	a.called(0)
}
