package device_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

func TestRequestIsFoundByItsUserCode(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	if _, err := opaque.Read(opaque.DeviceCode, codes.Device); err != nil {
		t.Errorf("device code %q: %v, want one with our prefix and a checksum", codes.Device, err)
	}
	r := b.find(codes.User)
	if r.Client != "tv" || r.Scope != asked.Scope || len(r.Audience) != 1 || r.Audience[0] != asked.Audience[0] || r.ClientInfo != asked.ClientInfo {
		t.Errorf("Find = %+v, want what was asked for", r.NewRequest)
	}
	if got := r.Expires.Sub(r.Created); got != device.Life || r.Subject != "" || r.ID == "" {
		t.Errorf("Find = %+v, want a life of %v and no decision", r, device.Life)
	}
	other := b.start()
	if other.User == codes.User || other.Device == codes.Device || b.find(other.User).ID == r.ID {
		t.Errorf("a second request has %+v, the first had %+v", other, codes)
	}
	subject := b.User()
	by := b.by(subject)
	if err := b.Approve(t.Context(), r, by, "r-1"); err != nil {
		t.Fatal(err)
	}
	got, err := b.Poll(t.Context(), codes.Device, "tv")
	if err != nil || got.ID != r.ID || got.Subject != subject || !got.AuthTime.Equal(by.AuthTime) || got.Login != by.Login || !got.LoginEnds.Equal(by.LoginEnds) || len(got.AMR) != 1 {
		t.Errorf("Poll = %+v, %v, want the request with the decision %+v", got, err, by)
	}
	if entries := b.Entries(subject); len(entries) != 1 || entries[0].Action != string(device.ActionApprove) || entries[0].Object != "device#"+r.ID {
		t.Errorf("entries = %v, want the approval of %s", entries, r.ID)
	}
}

// The table alone gives no access: it holds neither code, nor a hash of the short one
// that could be reversed.
func TestTableHoldsNoCode(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	table := b.Sessions
	out, err := b.Raw.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil || len(out.Items) != 2 {
		t.Fatalf("the table has %d items, %v, want 2", len(out.Items), err)
	}
	for _, it := range out.Items {
		text := fmt.Sprint(dump(it))
		if strings.Contains(text, string(codes.User)) || strings.Contains(text, codes.User.String()) || strings.Contains(text, codes.Device[5:30]) {
			t.Errorf("item %s holds a code", text)
		}
		ttl, _ := it[contract.TTL].(*types.AttributeValueMemberN)
		if want := fmt.Sprint(b.Clock.Now().Add(device.Life + time.Hour).Unix()); ttl == nil || ttl.Value != want {
			t.Errorf("item %s goes at %v, want %s", text, ttl, want)
		}
	}
}

func dump(it map[string]types.AttributeValue) map[string]string {
	all := map[string]string{}
	for name, v := range it {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			all[name] = v.Value
		case *types.AttributeValueMemberN:
			all[name] = v.Value
		case *types.AttributeValueMemberB:
			all[name] = string(v.Value)
		}
	}
	return all
}

func TestExpiredAndUsedRequestsCannotBeDecided(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	approved, denied, old := b.start(), b.start(), b.start()
	b.approve(approved.User)
	if err := b.Deny(ctx, b.find(denied.User), b.by(b.User()), ""); err != nil {
		t.Fatal(err)
	}
	stale := b.find(old.User)
	unknown := device.UserCode("BBBBBBBB")
	if unknown == old.User {
		unknown = "CCCCCCCC"
	}
	for name, tt := range map[string]struct {
		code device.UserCode
		want error
	}{
		"unknown": {unknown, device.ErrUnknown}, "approved": {approved.User, device.ErrUsed}, "denied": {denied.User, device.ErrUsed},
	} {
		if r, err := b.open(tt.code); !errors.Is(err, tt.want) {
			t.Errorf("Find and Open of one that is %s = %+v, %v, want %v", name, r, err, tt.want)
		}
	}
	b.Clock.Turn(device.Life - time.Second)
	if r, err := b.open(old.User); err != nil {
		t.Errorf("Find at the last second = %+v, %v, want the request", r, err)
	}
	b.Clock.Turn(time.Second)
	if r, err := b.open(old.User); !errors.Is(err, device.ErrExpired) {
		t.Errorf("Find and Open after %v = %+v, %v, want ErrExpired", device.Life, r, err)
	}
	for name, decide := range decisions(b) {
		if err := decide(stale, b.by(b.User())); !errors.Is(err, device.ErrExpired) {
			t.Errorf("%s after %v = %v, want ErrExpired", name, device.Life, err)
		}
	}
	// With another key the user code is unknown.
	other := b.Store
	other.Key = otherKey
	if r, err := other.Find(ctx, old.User); !errors.Is(err, device.ErrUnknown) {
		t.Errorf("Find with another key = %+v, %v, want ErrUnknown", r, err)
	}
}

func decisions(b *bench) map[string]func(*device.Request, device.Decision) error {
	return map[string]func(*device.Request, device.Decision) error{
		"approval": func(r *device.Request, d device.Decision) error { return b.Approve(b.t.Context(), r, d, "r") },
		"denial":   func(r *device.Request, d device.Decision) error { return b.Deny(b.t.Context(), r, d, "r") },
	}
}

// The first decision counts. The same user may repeat it. No user can reverse it, and
// no other user can take it over.
func TestFirstDecisionCounts(t *testing.T) {
	for first := range decisions(nil) {
		t.Run(first, func(t *testing.T) {
			b := newBench(t)
			codes := b.start()
			r := b.find(codes.User)
			ada, eve := b.User(), b.User()
			for range 2 {
				if err := decisions(b)[first](r, b.by(ada)); err != nil {
					t.Fatalf("%s = %v, want nil, also for the second time", first, err)
				}
			}
			for second, decide := range decisions(b) {
				if err := decide(r, b.by(eve)); !errors.Is(err, device.ErrUsed) {
					t.Errorf("%s by another user = %v, want ErrUsed", second, err)
				}
				if err := decide(r, b.by(ada)); second != first && !errors.Is(err, device.ErrUsed) {
					t.Errorf("%s by the same user = %v, want ErrUsed", second, err)
				}
			}
			if mine, theirs := b.Entries(ada), b.Entries(eve); len(mine) != 1 || len(theirs) != 0 {
				t.Errorf("entries = %v and %v, want one of the first", mine, theirs)
			}
		})
	}
}

// A user code in use is not issued again. One that has expired is.
func TestUserCodesAreUnique(t *testing.T) {
	b := newBench(t)
	first := b.start()
	taken := b.find(first.User)
	var pk string
	// same makes the next request draw the user code of the first one.
	same := func(c sessiontest.Call) sessiontest.Fault {
		if c.Operation != "TransactWriteItems" {
			return sessiontest.Fault{}
		}
		b.Wire.Inject(nil)
		_, after, _ := strings.Cut(string(c.Body), "usercode#")
		return sessiontest.Fault{Body: []byte(strings.Replace(string(c.Body), "usercode#"+after[:64], pk, 1))}
	}
	table := b.Sessions
	out, err := b.Raw.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range out.Items {
		if p := dump(it)[contract.PK]; strings.HasPrefix(p, "usercode#") {
			pk = p
		}
	}
	b.Wire.Inject(same)
	var second *device.Codes
	tally := b.Wire.Count(func() { second = b.start() })
	if len(tally.Calls) != 2 {
		t.Errorf("a request with a code in use took %v, want 2 calls", tally)
	}
	if r := b.find(first.User); r.ID != taken.ID {
		t.Errorf("the first code leads to %s, want %s", r.ID, taken.ID)
	}
	b.find(second.User)

	b.Clock.Turn(device.Life)
	b.Wire.Inject(same)
	if tally := b.Wire.Count(func() { second = b.start() }); len(tally.Calls) != 1 {
		t.Errorf("a request with an expired code took %v, want 1 call", tally)
	}
	if r := b.find(first.User); r.ID == taken.ID {
		t.Error("the first code, given again, leads to the request before")
	}
}

func TestCostOfARequest(t *testing.T) {
	b := newBench(t)
	var codes *device.Codes
	var r *device.Request
	subject := b.User()
	for _, tt := range []struct {
		name  string
		do    func()
		calls string
	}{
		{"create", func() { codes = b.start() }, "TransactWriteItems"},
		{"find", func() { r = b.find(codes.User) }, "GetItem GetItem"},
		{"approve", func() { _ = b.Approve(t.Context(), r, b.by(subject), "") }, "TransactWriteItems"},
		{"approve again", func() { _ = b.Approve(t.Context(), r, b.by(subject), "") }, "TransactWriteItems"},
		{"find nothing", func() { _, _ = b.Find(t.Context(), "BBBBBBBB") }, "GetItem"},
	} {
		if got := b.Wire.Count(tt.do); strings.Join(got.Calls, " ") != tt.calls {
			t.Errorf("%s took %v, want %s", tt.name, got, tt.calls)
		}
	}
}

// A lost reply changes nothing, and neither does a failed audit write.
func TestDecisionUnderFaults(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	r, subject := b.find(codes.User), b.User()
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault { return sessiontest.Fault{Error: "ValidationError"} })
	if err := b.Approve(t.Context(), r, b.by(subject), ""); err == nil || errors.Is(err, device.ErrUsed) || errors.Is(err, device.ErrExpired) {
		t.Errorf("Approve without an entry = %v, want an error that is not final", err)
	}
	b.Wire.Inject(nil)
	b.find(codes.User)
	lost := true
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault {
		defer func() { lost = false }()
		return sessiontest.Fault{Drop: lost}
	})
	if err := b.Approve(t.Context(), r, b.by(subject), ""); err != nil {
		t.Errorf("Approve with a lost reply = %v, want nil", err)
	}
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault { return sessiontest.Fault{Error: "TransactionConflict"} })
	if err := b.Approve(t.Context(), r, b.by(subject), ""); !errors.Is(err, dynamo.ErrBusy) {
		t.Errorf("Approve beside other transactions = %v, want ErrBusy", err)
	}
}
