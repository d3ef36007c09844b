package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

// counting counts the calls of a client by operation.
type counting struct {
	aws.HTTPClient
	calls []string
}

func (c *counting) Do(r *http.Request) (*http.Response, error) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.calls = append(c.calls, op)
	return c.HTTPClient.Do(r)
}

func counted(db *dynamodb.Client) (*dynamodb.Client, *counting) {
	c := &counting{}
	return dynamodb.New(db.Options(), func(o *dynamodb.Options) {
		c.HTTPClient = o.HTTPClient
		o.HTTPClient = c
	}), c
}

// A thousand refused credentials of one principal in an hour leave a few entries with
// their number. Those of an unknown name make the same calls and leave none.
func TestRefusalsLeaveFewEntries(t *testing.T) {
	plain, name := enginetest.DB(t)
	db, calls := counted(plain)
	now := noon
	tr := &audit.Trail{Table: name(contract.Audit), Days: 30, Now: func(context.Context) time.Time { return now }}
	r := &audit.Refusals{DB: db, Sessions: name(contract.Sessions), Trail: tr}
	entry := audit.Entry{Action: audit.LoginRefuse, Subject: "usr_ann", Object: "user#usr_ann", Detail: map[string]string{"ip": "192.0.2.0/24"}}
	record := func() {
		t.Helper()
		if err := r.Record(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		record()
	}
	first := slices.Clone(calls.calls)
	calls.calls = nil
	for range 1000 {
		if err := r.Pretend(t.Context(), "a-pseudonym"); err != nil {
			t.Fatal(err)
		}
	}
	if len(calls.calls) != len(first) || len(first) != 1000+16 {
		t.Errorf("1000 refusals of a user made %d calls and those of an unknown name %d, want 1016 both", len(first), len(calls.calls))
	}
	list, err := tr.List(t.Context(), plain, audit.Query{Since: noon.Add(-time.Hour), Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var counts []string
	for _, e := range slices.Backward(list) {
		if e.Outcome != audit.Refused || e.Action != audit.LoginRefuse || e.Subject != "usr_ann" || e.Detail["ip"] == "" {
			t.Errorf("entry = %+v, want a refusal of usr_ann with its address", e)
		}
		counts = append(counts, e.Detail[audit.DetailRefusals])
	}
	slices.Sort(counts) // entries of one millisecond are in no order
	if got, want := strings.Join(counts, ","), strings.Repeat(",", 10)+"160,20,320,40,640,80"; got != want {
		t.Errorf("entries say %q, want %q: ten and then one each time the number has doubled", got, want)
	}
	if len(entry.Detail) != 1 {
		t.Errorf("Record changed the caller's detail: %v", entry.Detail)
	}

	// Another principal and another hour have separate counters.
	entry.Subject = "worker"
	record()
	entry.Subject = "usr_ann"
	now = now.Add(time.Hour)
	record()
	if list, err = tr.List(t.Context(), plain, audit.Query{Since: noon.Add(-time.Hour), Limit: 100}); err != nil || len(list) != 18 {
		t.Errorf("trail = %d entries, %v, want 18", len(list), err)
	}
	counters, err := plain.Scan(t.Context(), &dynamodb.ScanInput{TableName: &r.Sessions})
	if err != nil || len(counters.Items) != 4 {
		t.Fatalf("counters = %v, %v, want 4", counters.Items, err)
	}
	for _, it := range counters.Items {
		if ttl := str(it[contract.TTL]); ttl < fmt.Sprint(noon.Unix()) || ttl > fmt.Sprint(now.Add(24*time.Hour).Unix()) {
			t.Errorf("counter %s ends at %q, want within a day", str(it[contract.PK]), ttl)
		}
	}
}

// The number of entries is bounded for concurrent refusals, too.
func TestConcurrentRefusalsAreBounded(t *testing.T) {
	db, name := enginetest.DB(t)
	tr := trail(name(contract.Audit), 30)
	r := &audit.Refusals{DB: db, Sessions: name(contract.Sessions), Trail: tr}
	errs := make(chan error)
	for range 50 {
		go func() { errs <- r.Record(t.Context(), audit.Entry{Action: audit.LoginRefuse, Subject: "usr_ann"}) }()
	}
	for range 50 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if list, err := tr.List(t.Context(), db, audit.Query{Subject: "usr_ann", Limit: 100}); err != nil || len(list) != 12 {
		t.Errorf("50 refusals at once left %d entries, %v, want 12", len(list), err)
	}
}
