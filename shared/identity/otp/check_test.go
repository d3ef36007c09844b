package otp_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/session"
)

// The last six digits of the codes of RFC 6238, appendix B, are accepted.
func TestVectorsOfRFC6238(t *testing.T) {
	tests := []struct {
		at   int64
		code string
	}{
		{59, "287082"},
		{1111111109, "081804"},
		{1111111111, "050471"},
		{1234567890, "005924"},
		{2000000000, "279037"},
		{20000000000, "353130"},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			b := newBench(t)
			b.now = time.Unix(tt.at, 0).Add(-step)
			u, _ := b.enroll("ann", annSecret)
			if _, err := b.signIn(u, tt.code); err != nil {
				t.Errorf("a sign-in at %d with %s = %v, want none", tt.at, tt.code, err)
			}
		})
	}
}

func TestClockSkew(t *testing.T) {
	for steps, want := range map[int]error{-2: otp.ErrWrong, -1: nil, 0: nil, 1: nil, 2: otp.ErrWrong} {
		b := newBench(t)
		u, _ := b.enroll("ann", annSecret)
		b.now = b.now.Add(10 * step)
		if _, err := b.signIn(u, b.code(annSecret, steps)); !errors.Is(err, want) {
			t.Errorf("a code of %+d steps = %v, want %v", steps, err, want)
		}
	}
}

func TestCodeIsAcceptedOnce(t *testing.T) {
	b := newBench(t)
	u, _ := b.enroll("ann", annSecret)
	code := b.code(annSecret, 0)
	if accepted, err := b.signIn(u, code); err != nil || accepted.Method != otp.MethodApp || accepted.Left != 10 {
		t.Fatalf("first sign-in = %+v, %v, want one with the app and ten codes left", accepted, err)
	}
	if _, err := b.signIn(u, code); !errors.Is(err, otp.ErrUsed) {
		t.Errorf("second sign-in = %v, want ErrUsed", err)
	}
	// Nor is one of an earlier step, which an onlooker may have seen.
	if _, err := b.signIn(u, b.code(annSecret, -1)); !errors.Is(err, otp.ErrUsed) {
		t.Errorf("sign-in with the code before = %v, want ErrUsed", err)
	}
	b.now = b.now.Add(step)
	if _, err := b.signIn(u, b.code(annSecret, 0)); err != nil {
		t.Errorf("sign-in with the next code = %v, want none", err)
	}
}

// The code that confirmed the app cannot sign in, since an onlooker may have seen it.
func TestCodeOfTheEnrollmentIsUsed(t *testing.T) {
	b := newBench(t)
	u := b.person("ann")
	code := b.code(annSecret, 0)
	if _, err := b.Add(t.Context(), u, b.secret(annSecret), code, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := b.signIn(b.get(u.Subject), code); !errors.Is(err, otp.ErrUsed) {
		t.Errorf("sign-in with the code that confirmed the app = %v, want ErrUsed", err)
	}
}

// A checked code stays valid when the sign-in fails for another reason.
func TestCodeOutlivesAFailedSignIn(t *testing.T) {
	b := newBench(t)
	u, codes := b.enroll("ann", annSecret)
	stale := *u
	stale.AuthGen++
	for _, code := range []string{b.code(annSecret, 0), codes[0]} {
		if _, err := b.signIn(&stale, code); !errors.Is(err, session.ErrStale) {
			t.Fatalf("sign-in after all sessions ended = %v, want ErrStale", err)
		}
		if _, err := b.signIn(u, code); err != nil {
			t.Errorf("sign-in with the same code = %v, want none", err)
		}
	}
}

// One of many concurrent sign-ins with the same code succeeds.
func TestCodeInParallel(t *testing.T) {
	b := newBench(t)
	u, codes := b.enroll("ann", annSecret)
	for name, code := range map[string]string{"app": b.code(annSecret, 0), "recovery": codes[4]} {
		const many = 6
		accepted := make([]*otp.Accepted, many)
		for i := range accepted {
			var err error
			if accepted[i], err = b.Check(t.Context(), u, code); err != nil {
				t.Fatalf("%s: Check before anybody used it = %v", name, err)
			}
		}
		errs := make([]error, many)
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() { errs[i] = b.use(u, accepted[i]) })
		}
		wg.Wait()
		if in := many - len(slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })); in != 1 {
			t.Errorf("%s: %d of %d got in with the same code, want 1: %v", name, in, many, errs)
		}
	}
}

func TestCodeOfAnotherUserIsWrong(t *testing.T) {
	b := newBench(t)
	ann, annCodes := b.enroll("ann", annSecret)
	bob, bobCodes := b.enroll("bob", bobSecret)
	for _, code := range []string{b.code(bobSecret, 0), bobCodes[0]} {
		if _, err := b.signIn(ann, code); !errors.Is(err, otp.ErrWrong) {
			t.Errorf("ann with a code of bob = %v, want ErrWrong", err)
		}
	}
	if _, err := b.signIn(bob, annCodes[0]); !errors.Is(err, otp.ErrWrong) {
		t.Errorf("bob with a code of ann = %v, want ErrWrong", err)
	}
	if _, err := b.signIn(ann, annCodes[0]); err != nil {
		t.Errorf("ann with the code that bob tried = %v, want none", err)
	}
}

func TestRecoveryCode(t *testing.T) {
	b := newBench(t)
	u, codes := b.enroll("ann", annSecret)
	if len(codes) != 10 {
		t.Fatalf("codes = %v, want ten", codes)
	}
	for i, code := range codes {
		typed := code
		if i%2 == 1 {
			typed = " " + strings.ToUpper(strings.ReplaceAll(code, "-", " ")) + "\n"
		}
		accepted, err := b.signIn(u, typed)
		if err != nil || accepted.Method != otp.MethodRecovery || accepted.Left != 9-i {
			t.Fatalf("sign-in %d with %q = %+v, %v, want %d codes left", i, typed, accepted, err, 9-i)
		}
		if _, err := b.signIn(u, code); !errors.Is(err, otp.ErrWrong) {
			t.Errorf("the same code again = %v, want ErrWrong", err)
		}
	}
	if _, err := b.signIn(u, b.code(annSecret, 0)); err != nil {
		t.Errorf("the app after all recovery codes = %v, want none", err)
	}
	if state, err := b.State(t.Context(), u.Subject); err != nil || !state.Has || state.CodesLeft != 0 {
		t.Errorf("State = %+v, %v, want an app without codes", state, err)
	}
}

// A text that cannot be a code is refused without a call, and a code costs one read.
func TestCostOfACheck(t *testing.T) {
	b := newBench(t)
	u, _ := b.enroll("ann", annSecret)
	b.calls = nil
	for _, typed := range []string{"", "12345", "1234567", "12345a", "１２３４５６", "k3t7-zq2a-mm5d-x6v", "k3t7-zq2a-mm5d-x6v1", strings.Repeat(" ", 60) + "123456"} {
		if _, err := b.Check(t.Context(), u, typed); !errors.Is(err, otp.ErrWrong) {
			t.Errorf("Check(%q) = %v, want ErrWrong", typed, err)
		}
	}
	if len(b.calls) != 0 {
		t.Errorf("what can be no code made %d reads, want 0", len(b.calls))
	}
	if _, err := b.Check(t.Context(), u, b.code(annSecret, 0)); err != nil || len(b.calls) != 1 {
		t.Errorf("Check made %d reads, %v, want 1", len(b.calls), err)
	}
}

func TestCheckWithoutAnAppIsErrNone(t *testing.T) {
	b := newBench(t)
	if _, err := b.Check(t.Context(), b.person("ann"), "123456"); !errors.Is(err, otp.ErrNone) {
		t.Errorf("Check without an app = %v, want ErrNone", err)
	}
}

// A code of an app that was removed between the check and the sign-in is refused, even if
// the next app has the same secret.
func TestCodeOfAnEarlierApp(t *testing.T) {
	for name, code := range map[string]func(*bench, []string) string{
		"app":      func(b *bench, _ []string) string { return b.code(annSecret, 1) },
		"recovery": func(_ *bench, codes []string) string { return codes[0] },
	} {
		b := newBench(t)
		u, codes := b.enroll("ann", annSecret)
		accepted, err := b.Check(t.Context(), u, code(b, codes))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Remove(t.Context(), u, ""); err != nil {
			t.Fatal(err)
		}
		u = b.get(u.Subject)
		if _, err := b.Add(t.Context(), u, b.secret(annSecret), b.code(annSecret, 0), ""); err != nil {
			t.Fatal(err)
		}
		if err := b.use(u, accepted); !dynamo.Failed(err) {
			t.Errorf("%s: sign-in with a code of an app that is gone, want it refused", name)
		}
	}
}

// A damaged item is an error, and neither a wrong code nor a success.
func TestADamagedItemIsAnError(t *testing.T) {
	b := newBench(t)
	ann, codes := b.enroll("ann", annSecret)
	bob, _ := b.enroll("bob", bobSecret)
	intact := b.stored(ann)
	sealed := dynamo.Reader{Item: intact}
	secret := sealed.Bytes("secret")
	faults := map[string]dynamo.Item{
		"secret of bob":    with(intact, "secret", b.stored(bob)["secret"]),
		"short":            with(intact, "secret", dynamo.Bytes(secret[:20])),
		"no secret":        with(intact, "secret", dynamo.Bytes([]byte{})),
		"secret of a text": with(intact, "secret", dynamo.Text("secret")),
		"no pepper":        with(intact, "pepper", dynamo.Text("")),
		"other pepper":     with(intact, "pepper", dynamo.Text("PEPPER99")),
		"codes of a text":  with(intact, "codes", dynamo.Text("codes")),
		"last of a text":   with(intact, "last", dynamo.Text("0")),
	}
	for i := range secret {
		changed := slices.Clone(secret)
		changed[i] ^= 1
		faults["byte "+string(rune('A'+i))] = with(intact, "secret", dynamo.Bytes(changed))
	}
	for name, it := range faults {
		b.put(it)
		for _, code := range []string{b.code(annSecret, 0), b.code(bobSecret, 0)} {
			accepted, err := b.Check(t.Context(), ann, code)
			if err == nil || errors.Is(err, otp.ErrWrong) || errors.Is(err, otp.ErrUsed) || errors.Is(err, otp.ErrNone) {
				t.Errorf("%s: Check = %+v, %v, want a fault", name, accepted, err)
			}
		}
	}
	b.put(with(intact, "codes_pepper", dynamo.Text("PEPPER99")))
	if accepted, err := b.Check(t.Context(), ann, codes[0]); !errors.Is(err, identity.ErrPepper) {
		t.Errorf("a recovery code under a pepper that is gone = %+v, %v, want ErrPepper", accepted, err)
	}
}
