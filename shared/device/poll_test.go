package device_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

func otherKey(context.Context) ([]byte, error) { return []byte("another key"), nil }

// poll asks once and counts the calls.
func (b *bench) poll(code, client string) (calls string, err error) {
	tally := b.Wire.Count(func() { _, err = b.Poll(b.t.Context(), code, client) })
	return strings.Join(tally.Calls, " "), err
}

// expect polls and compares.
func (b *bench) expect(when, code, client string, want error, calls string) {
	b.t.Helper()
	if made, err := b.poll(code, client); !errors.Is(err, want) || want == nil && err != nil || made != calls {
		b.t.Errorf("%s: Poll = %v with %q, want %v with %q", when, err, made, want, calls)
	}
}

const (
	one = "UpdateItem"
	two = "UpdateItem UpdateItem"
)

func TestPollReturnsTheApprovedRequestOnce(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	for range 3 {
		b.expect("in time", codes.Device, "tv", device.ErrPending, one)
		b.Clock.Turn(device.Interval)
	}
	b.approve(codes.User)
	b.expect("approved", codes.Device, "tv", nil, one)
	b.expect("approved and not spent", codes.Device, "tv", nil, one)

	refused := b.start()
	b.expect("first", refused.Device, "tv", device.ErrPending, one)
	if err := b.Deny(t.Context(), b.find(refused.User), b.by(b.User()), ""); err != nil {
		t.Fatal(err)
	}
	b.expect("denied", refused.Device, "tv", device.ErrDenied, one)
	b.expect("denied before", refused.Device, "tv", device.ErrDenied, one)
}

// RFC 8628 §3.5: a device that polls too early gets slow_down and has to wait five
// seconds more from then on. A refused poll does not move the next allowed time.
func TestSlowDownRecovers(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	b.expect("at 0 s", codes.Device, "tv", device.ErrPending, one)
	b.Clock.Turn(time.Second)
	b.expect("at 1 s", codes.Device, "tv", device.ErrSlowDown, two)
	for _, at := range []string{"2", "3"} {
		b.Clock.Turn(time.Second)
		b.expect("at "+at+" s", codes.Device, "tv", device.ErrSlowDown, one)
	}
	b.Clock.Turn(2 * time.Second)
	b.expect("at 5 s, as it was told at first", codes.Device, "tv", device.ErrPending, one)
	b.Clock.Turn(device.Interval)
	b.expect("at 10 s, five after the last", codes.Device, "tv", device.ErrSlowDown, two)
	b.Clock.Turn(device.Interval)
	b.expect("at 15 s, ten after the last", codes.Device, "tv", device.ErrPending, one)

	// A client that follows the protocol: 5 s more after each slow_down.
	b.Clock.Turn(15 * time.Second)
	b.expect("at 30 s", codes.Device, "tv", device.ErrPending, one)
	b.Clock.Turn(15 * time.Second)
	b.expect("at 45 s", codes.Device, "tv", device.ErrPending, one)
	b.Clock.Turn(15*time.Second - 500*time.Millisecond)
	b.expect("half a second early", codes.Device, "tv", device.ErrPending, one)

	// An approved request is returned at once.
	b.approve(codes.User)
	b.expect("approved", codes.Device, "tv", nil, one)
}

// A device that ignores slow_down polls successfully often enough to get its tokens.
func TestDeviceThatIgnoresSlowDownGetsItsTokens(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	heard := 0
	for range int((device.Life - time.Second) / time.Second) {
		switch calls, err := b.poll(codes.Device, "tv"); {
		case errors.Is(err, device.ErrPending):
			heard++
		case !errors.Is(err, device.ErrSlowDown) || calls != one && calls != two:
			t.Fatalf("Poll = %v with %q, want to be slowed down", err, calls)
		}
		b.Clock.Turn(time.Second)
	}
	if heard < 10 || heard > 20 {
		t.Errorf("of a poll each second in %v, %d were heard, want 10 to 20", device.Life, heard)
	}
}

func TestConcurrentPollsCountOnce(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	b.Clock.Turn(time.Minute)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = b.Poll(t.Context(), codes.Device, "tv") })
	}
	all.Wait()
	heard := 0
	for _, err := range errs {
		switch {
		case errors.Is(err, device.ErrPending):
			heard++
		case !errors.Is(err, device.ErrSlowDown):
			t.Errorf("Poll = %v, want pending or slow down", err)
		}
	}
	if heard != 1 {
		t.Errorf("%d of %d polls at once were heard, want 1", heard, len(errs))
	}
	b.Clock.Turn(device.Interval)
	b.expect("after the interval", codes.Device, "tv", device.ErrPending, one)
	b.Clock.Turn(2 * device.Interval)
	b.expect("after the longer one", codes.Device, "tv", device.ErrPending, one)
}

// TestZitadelGHSAxqxv: client B cannot use the code of client A in any state, and A
// does not notice that B tried.
func TestZitadelGHSAxqxv(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	b.expect("B, pending", codes.Device, "other", device.ErrUnknown, one)
	b.expect("A, pending", codes.Device, "tv", device.ErrPending, one)
	b.Clock.Turn(device.Interval)
	b.expect("B, in time", codes.Device, "other", device.ErrUnknown, one)
	b.expect("A, in time", codes.Device, "tv", device.ErrPending, one)
	b.approve(codes.User)
	b.expect("B, approved", codes.Device, "other", device.ErrUnknown, one)
	b.expect("B without a name", codes.Device, "", device.ErrUnknown, one)
	b.expect("A, approved", codes.Device, "tv", nil, one)
}

func TestMalformedDeviceCodeCostsNoCall(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	secret, _ := opaque.Read(opaque.DeviceCode, codes.Device)
	stranger := opaque.Write(opaque.DeviceCode, make([]byte, 32))
	for name, code := range map[string]string{
		"empty": "", "a user code": codes.User.String(), "cut": codes.Device[:40], "longer": codes.Device + "A", "another kind": opaque.Write(opaque.RefreshToken, secret),
		"mistyped": strings.ToUpper(codes.Device), "spaces": " " + codes.Device, "long": opaque.Write(opaque.DeviceCode, make([]byte, 2000)),
	} {
		b.expect(name, code, "tv", device.ErrUnknown, "")
	}
	b.expect("made up", stranger, "tv", device.ErrUnknown, one)
	b.expect("the one", codes.Device, "tv", device.ErrPending, one)
}

// Codes expire for the device too, approved or not, and it gets that error for a while.
func TestExpiredCodeIsReportedAsExpired(t *testing.T) {
	b := newBench(t)
	idle, late := b.start(), b.start()
	b.Clock.Turn(device.Life - time.Second)
	b.approve(late.User)
	b.expect("at the last second", idle.Device, "tv", device.ErrPending, one)
	request, err := b.Poll(t.Context(), late.Device, "tv")
	if err != nil {
		t.Fatal(err)
	}
	b.Clock.Turn(time.Second)
	b.expect("never approved", idle.Device, "tv", device.ErrExpired, one)
	b.expect("approved late", late.Device, "tv", device.ErrExpired, one)
	if err := (dynamo.Tx{b.Spending(t.Context(), request)}).Run(t.Context(), b.DB); !errors.Is(err, device.ErrUsed) {
		t.Errorf("spending an expired request = %v, want ErrUsed", err)
	}
}

// Of many polls that find a request approved, exactly one spends it.
func TestApprovedRequestIsSpentOnce(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	b.approve(codes.User)
	request, err := b.Poll(t.Context(), codes.Device, "tv")
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 4)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = dynamo.Tx{b.Spending(t.Context(), request)}.Run(t.Context(), b.DB) })
	}
	all.Wait()
	spent := 0
	for _, err := range errs {
		switch {
		case err == nil:
			spent++
		case !errors.Is(err, device.ErrUsed) && !errors.Is(err, dynamo.ErrBusy):
			t.Errorf("spending = %v, want ErrUsed", err)
		}
	}
	if spent != 1 {
		t.Errorf("%d of %d spent the request, want 1", spent, len(errs))
	}
	b.expect("spent", codes.Device, "tv", device.ErrUsed, one)
	if _, err := b.open(codes.User); !errors.Is(err, device.ErrUsed) {
		t.Errorf("Find and Open of what is spent = %v, want ErrUsed", err)
	}
	// The user who approved it presses the button again.
	if err := b.Approve(t.Context(), request, request.Decision, ""); err != nil {
		t.Errorf("Approve of what is spent, by who approved it = %v, want nil", err)
	}
	if err := b.Deny(t.Context(), request, request.Decision, ""); !errors.Is(err, device.ErrUsed) {
		t.Errorf("Deny of what is spent = %v, want ErrUsed", err)
	}
}

func TestPollUnderFaults(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	fault := func(n int, f sessiontest.Fault) {
		b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault {
			if n--; n >= 0 {
				return f
			}
			return sessiontest.Fault{}
		})
	}
	fault(1, sessiontest.Fault{Drop: true})
	b.expect("answer lost", codes.Device, "tv", device.ErrPending, two)
	b.Clock.Turn(device.Interval)
	fault(1, sessiontest.Fault{Error: "TransactionConflictException"})
	b.expect("while it is decided", codes.Device, "tv", device.ErrPending, one)
	fault(0, sessiontest.Fault{})
	b.expect("after that", codes.Device, "tv", device.ErrPending, one)
	fault(100, sessiontest.Fault{Error: "ValidationException"})
	if _, err := b.poll(codes.Device, "tv"); err == nil || errors.Is(err, device.ErrPending) || errors.Is(err, device.ErrUnknown) {
		t.Errorf("Poll of a store that is down = %v, want an error that is not final", err)
	}
	n := 0
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault {
		if n++; n == 2 {
			return sessiontest.Fault{Error: "TransactionConflictException"}
		}
		return sessiontest.Fault{}
	})
	b.expect("too early, beside a transaction", codes.Device, "tv", device.ErrSlowDown, two)
}

// A malformed item gives an error and no refusal.
func TestMalformedItemIsAnError(t *testing.T) {
	b := newBench(t)
	codes := b.start()
	request := b.find(codes.User)
	table := b.Sessions
	out, err := b.Raw.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range out.Items {
		if _, ok := it["client"]; !ok {
			continue
		}
		it["created"] = &types.AttributeValueMemberS{Value: "yesterday"}
		it["state"] = &types.AttributeValueMemberS{Value: "approved"}
		if _, err := b.Raw.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	_, found := b.Find(t.Context(), codes.User)
	_, polled := b.Poll(t.Context(), codes.Device, "tv")
	decided := b.Approve(t.Context(), request, b.by(b.User()), "")
	for name, err := range map[string]error{"Find": found, "Poll": polled, "Approve": decided} {
		if err == nil || errors.Is(err, device.ErrUsed) || errors.Is(err, device.ErrUnknown) || !strings.Contains(err.Error(), "created") {
			t.Errorf("%s = %v, want the attribute that is wrong", name, err)
		}
	}
}
