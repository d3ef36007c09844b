package throttle_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

// The cost of an attempt: no read, and every write is one unit. The engine does not report
// the cost of a write with a failed condition. AWS charges a unit for it, too.
func TestCost(t *testing.T) {
	b := newBench(t)
	step := func(what string, wantCalls int, wantUnits float64) {
		t.Helper()
		if calls, units := b.cost(); calls != wantCalls || units != wantUnits {
			t.Errorf("%s made %d calls of %v units, want %d of %v", what, calls, units, wantCalls, wantUnits)
		}
	}
	a := from("ann", 1)
	r := b.allowed(a)
	step("a first attempt", 2, 2)
	b.succeeded(r, "laptop")
	step("a success in a new browser", 2, 2)
	a.KnownBrowser = "laptop"
	r = b.allowed(a)
	step("an attempt in a known browser", 1, 1)
	b.succeeded(r, a.KnownBrowser)
	step("a success in a known browser", 1, 1)
	a.KnownBrowser = "forged"
	b.allowed(a)
	step("an attempt in an unknown browser", 3, 2)
	for range throttle.Free - 1 {
		b.allowed(from("ann", 1))
	}
	b.cost()
	b.refused(from("ann", 1), time.Second)
	step("an attempt that must wait", 2, 1)
	b.now = b.now.Add(time.Second)
	b.allowed(from("ann", 1))
	step("an attempt that has waited", 3, 2)
}

// Every counter expires by itself, and none contains a name or an address.
func TestCountersNameNoUserOrAddress(t *testing.T) {
	b := newBench(t)
	a := throttle.Attempt{Account: "Ann", Address: "192.0.2.1"}
	b.succeeded(b.allowed(a), "laptop-of-ann")
	out, err := b.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.Sessions})
	if err != nil {
		t.Fatal(err)
	}
	lives := map[string]time.Duration{"account": throttle.Memory, "address": time.Minute, "device": throttle.BrowserLife}
	for _, it := range out.Items {
		pk, sk := it[contract.PK].(*types.AttributeValueMemberS).Value, it[contract.SK].(*types.AttributeValueMemberS).Value
		parts := strings.Split(pk, "#")
		if len(parts) != 3 || parts[0] != "throttle" || len(parts[2]) != 32 || sk != "throttle" {
			t.Errorf("key = %q, %q, want throttle#<kind>#<32 digits> and throttle", pk, sk)
			continue
		}
		life, ok := lives[parts[1]]
		want := strconv.FormatInt(noon.Add(life).Unix(), 10)
		ttl, _ := it[contract.TTL].(*types.AttributeValueMemberN)
		if !ok || ttl == nil || ttl.Value != want {
			t.Errorf("ttl of %s = %v, want %s", pk, it[contract.TTL], want)
		}
		delete(lives, parts[1])
	}
	if len(lives) != 0 {
		t.Errorf("no counter of %v", lives)
	}
}

// doer counts the calls of a bench, and the units of the writes.
type doer struct {
	aws.HTTPClient
	b *bench
}

func (d doer) Do(r *http.Request) (*http.Response, error) {
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	in["ReturnConsumedCapacity"] = "TOTAL"
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer, err := d.HTTPClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(answer.Body); err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	var out struct {
		ConsumedCapacity struct{ CapacityUnits float64 }
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, err
	}
	d.b.mu.Lock()
	defer d.b.mu.Unlock()
	d.b.calls++
	d.b.units += out.ConsumedCapacity.CapacityUnits
	return answer, nil
}
