package document_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/document"
	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

var noon = time.Date(2026, 11, 22, 12, 0, 30, 0, time.UTC)

const id = "https://app.example.com/client.json"

type bench struct {
	*document.Store
	now time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, name := enginetest.DB(t)
	b := &bench{now: noon}
	b.Store = &document.Store{DB: db, Table: name(contract.Documents), Now: func(context.Context) time.Time { return b.now }}
	return b
}

func app() *metadata.Metadata {
	return &metadata.Metadata{
		Name: "App", RedirectURIs: []string{"https://app.example.com/cb"},
		Grants: []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
	}
}

// Get returns what Put stored, whatever the entry was before.
func TestGetReturnsWhatPutStored(t *testing.T) {
	b := newBench(t)
	if e, err := b.Get(t.Context(), id); err != nil || e != nil {
		t.Errorf("Get of nothing = %+v, %v", e, err)
	}
	signs := app()
	signs.KeySet, signs.Algorithm = json.RawMessage(`{"keys":[]}`), "ES256"
	found := document.Found(app(), noon, time.Hour)
	entries := []*document.Cached{
		found, document.Found(signs, noon, time.Hour), document.Refused("no", noon), document.Unreachable(nil, "down", noon),
		document.Found(&metadata.Metadata{Grants: []string{oauth.GrantDeviceCode}}, noon, 0),
		document.Unreachable(found, "down", noon.Add(time.Hour)), found,
	}
	for i, e := range entries {
		if err := b.Put(t.Context(), id, e); err != nil {
			t.Fatal(err)
		}
		got, err := b.Get(t.Context(), id)
		if err != nil || !got.Until.Equal(e.Until) || !got.Fetched.Equal(e.Fetched) || got.Problem != e.Problem || got.Temporary != e.Temporary ||
			!reflect.DeepEqual(got.Metadata, e.Metadata) {
			t.Errorf("entry %d: got %+v of %+v, %v, want %+v of %+v", i, got, got.Metadata, err, e, e.Metadata)
		}
	}
	// One character makes another document.
	if e, err := b.Get(t.Context(), id+"/"); err != nil || e != nil {
		t.Errorf("Get of another URL = %+v, %v", e, err)
	}
}

// An attribute of the wrong type gives an error and never a client.
func TestMalformedItemIsAnError(t *testing.T) {
	b := newBench(t)
	if err := b.Put(t.Context(), id, document.Found(app(), noon, 0)); err != nil {
		t.Fatal(err)
	}
	out, err := b.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.Table})
	if err != nil || len(out.Items) != 1 {
		t.Fatalf("%d items, %v", len(out.Items), err)
	}
	if ttl, ok := out.Items[0][contract.TTL].(*types.AttributeValueMemberN); !ok || ttl.Value == "" {
		t.Errorf("ttl = %v", out.Items[0][contract.TTL])
	}
	for _, name := range []string{"until", "fetched", "name", "redirects", "grants"} {
		broken := map[string]types.AttributeValue{}
		for k, v := range out.Items[0] {
			broken[k] = v
		}
		broken[name] = &types.AttributeValueMemberBOOL{Value: true}
		if _, err := b.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.Table, Item: broken}); err != nil {
			t.Fatal(err)
		}
		if e, err := b.Get(t.Context(), id); err == nil {
			t.Errorf("%s broken: %+v", name, e)
		}
	}
}

func TestFreshness(t *testing.T) {
	for _, tt := range []struct {
		told, want time.Duration
	}{
		{-1, document.MinFresh},
		{0, document.MinFresh},
		{time.Minute, document.MinFresh},
		{time.Hour, time.Hour},
		{365 * 24 * time.Hour, document.MaxFresh},
	} {
		e := document.Found(app(), noon, tt.told)
		if got := e.Until.Sub(noon); got != tt.want {
			t.Errorf("max-age %s is believed for %s, want %s", tt.told, got, tt.want)
		}
		if !e.Fresh(e.Until.Add(-time.Second)) || e.Fresh(e.Until) {
			t.Errorf("max-age %s: fresh for another time than %s", tt.told, tt.want)
		}
	}
	if e := document.Refused("no", noon); e.Until.Sub(noon) != time.Minute {
		t.Errorf("a refusal is believed for %s, want a minute", e.Until.Sub(noon))
	}
	if e := document.Found(app(), noon, 0); e.Fresh(noon.Add(-48 * time.Hour)) {
		t.Error("an entry of the day after tomorrow is fresh")
	}
}

func TestClient(t *testing.T) {
	found := document.Found(app(), noon, 0)
	if c, err := found.Client(id, noon); err != nil || c.ID != id || !c.SelfRegistered {
		t.Errorf("client = %+v, %v", c, err)
	}
	_, err := document.Refused("the reason", noon).Client(id, noon)
	if refused, ok := errors.AsType[*document.RefusedError](err); !ok || refused.Problem != "the reason" || !errors.Is(err, client.ErrUnknown) {
		t.Errorf("refused: %v, want a *RefusedError that is ErrUnknown", err)
	}
	if _, err := document.Unreachable(nil, "down", noon).Client(id, noon); err == nil || errors.Is(err, client.ErrUnknown) {
		t.Errorf("unreachable: %v, want an error that may go away", err)
	}
	// While its server is down a document counts for a day.
	later := noon.Add(document.MaxStale - time.Second)
	stale := document.Unreachable(found, "down", later)
	if c, err := stale.Client(id, later); err != nil || c.ID != id {
		t.Errorf("stale: %v", err)
	}
	if _, err := stale.Client(id, noon.Add(document.MaxStale)); err == nil || errors.Is(err, client.ErrUnknown) {
		t.Errorf("too stale: %v, want an error that may go away", err)
	}
	if e := document.Unreachable(found, "down", noon.Add(document.MaxStale)); e.Metadata != nil {
		t.Error("a document of yesterday is kept")
	}
	// A document that its server withdrew does not count any more.
	if e := document.Unreachable(document.Refused("gone", noon), "down", noon); e.Metadata != nil {
		t.Error("a refused document came back")
	}
}

func TestReserveLimitsFetchesPerHost(t *testing.T) {
	b := newBench(t)
	for range document.PerHost {
		if err := b.Reserve(t.Context(), "app.example.com"); err != nil {
			t.Fatal(err)
		}
	}
	err := b.Reserve(t.Context(), "app.example.com")
	if limit, ok := errors.AsType[*document.LimitError](err); !ok || limit.RetryAfter != 30*time.Second {
		t.Errorf("one more = %v, want a limit until the next minute", err)
	}
	if err := b.Reserve(t.Context(), "other.example.com"); err != nil {
		t.Errorf("another host: %v", err)
	}
	b.now = b.now.Add(30 * time.Second)
	if err := b.Reserve(t.Context(), "app.example.com"); err != nil {
		t.Errorf("in the next minute: %v", err)
	}
}

// Concurrent calls reserve exactly as many fetches as the limit allows.
func TestConcurrentReservationsKeepTheLimit(t *testing.T) {
	b := newBench(t)
	results := make(chan error)
	for range 3 * document.PerHost {
		go func() { results <- b.Reserve(t.Context(), "app.example.com") }()
	}
	allowed := 0
	for range 3 * document.PerHost {
		err := <-results
		if _, limited := errors.AsType[*document.LimitError](err); err != nil && !limited {
			t.Error(err)
		}
		if err == nil {
			allowed++
		}
	}
	if allowed != document.PerHost {
		t.Errorf("%d fetches at once were allowed, want %d", allowed, document.PerHost)
	}
}
