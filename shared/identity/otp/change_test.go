package otp_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/session"
)

func TestAdd(t *testing.T) {
	b := newBench(t)
	created := b.now
	u, codes := b.enroll("ann", annSecret)
	if !u.OTP || u.Credentials != 1 {
		t.Errorf("user = %+v, want one with an app, and one change", u)
	}
	want := otp.State{Has: true, CodesLeft: 10, Since: created}
	if state, err := b.State(t.Context(), u.Subject); err != nil || state != want {
		t.Errorf("State = %+v, %v, want %+v", state, err, want)
	}
	for i, code := range codes {
		if len(code) != 19 || slices.Contains(codes[:i], code) {
			t.Errorf("code %d = %q, want four groups of four that no other has", i, code)
		}
	}
	if got := b.entries(u); !slices.Equal(got, []string{"otp.add"}) {
		t.Errorf("trail = %v, want otp.add", got)
	}
}

func TestAddRefuses(t *testing.T) {
	b := newBench(t)
	ann, codes := b.enroll("ann", annSecret)
	bob, secret := b.person("bob"), b.secret(bobSecret)
	changed := *bob
	changed.Credentials = 7
	ended := *bob
	ended.AuthGen = 7
	tests := []struct {
		name string
		user *identity.User
		code string
		want error
	}{
		{"no code", bob, "", otp.ErrWrong},
		{"words", bob, "secret", otp.ErrWrong},
		{"code of another secret", bob, b.code(annSecret, 0), otp.ErrWrong},
		{"code of two steps ago", bob, b.code(bobSecret, -2), otp.ErrWrong},
		{"recovery code", bob, codes[0], otp.ErrWrong},
		{"has one", ann, b.code(bobSecret, 0), otp.ErrExists},
		{"changed since", &changed, b.code(bobSecret, 0), identity.ErrChanged},
		{"signed out everywhere since", &ended, b.code(bobSecret, 0), identity.ErrChanged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := b.Add(t.Context(), tt.user, secret, tt.code, "")
			if !errors.Is(err, tt.want) || got != nil {
				t.Errorf("Add = %v, %v, want %v", got, err, tt.want)
			}
		})
	}
	if state, err := b.State(t.Context(), bob.Subject); err != nil || state != (otp.State{}) || b.get(bob.Subject).OTP {
		t.Errorf("State of bob = %+v, %v, want no app", state, err)
	}
	if got := b.entries(bob); len(got) != 0 {
		t.Errorf("trail of bob = %v, want nothing", got)
	}
}

// When two tabs add an app concurrently, one fails with ErrChanged and the app of the
// other is stored.
func TestAddInParallel(t *testing.T) {
	b := newBench(t)
	u := b.person("ann")
	secrets := []string{annSecret, bobSecret}
	codes, errs := make([][]string, 2), make([]error, 2)
	var wg sync.WaitGroup
	for i, text := range secrets {
		secret, code := b.secret(text), b.code(text, 0)
		wg.Go(func() { codes[i], errs[i] = b.Add(t.Context(), u, secret, code, "") })
	}
	wg.Wait()
	won := slices.Index(errs, nil)
	if won < 0 || errs[1-won] == nil {
		t.Fatalf("Add = %v, want one that is done and one that is not", errs)
	}
	u = b.get(u.Subject)
	b.now = b.now.Add(step)
	if _, err := b.signIn(u, b.code(secrets[won], 0)); err != nil {
		t.Errorf("sign-in with the app that was added = %v, want none", err)
	}
	if _, err := b.signIn(u, b.code(secrets[1-won], 0)); !errors.Is(err, otp.ErrWrong) {
		t.Errorf("sign-in with the other app = %v, want ErrWrong", err)
	}
	if _, err := b.signIn(u, codes[won][0]); err != nil {
		t.Errorf("sign-in with a recovery code = %v, want none", err)
	}
}

func TestNewCodes(t *testing.T) {
	b := newBench(t)
	u, before := b.enroll("ann", annSecret)
	judged, err := b.Check(t.Context(), u, before[1])
	if err != nil {
		t.Fatal(err)
	}
	after, err := b.NewCodes(t.Context(), u, "request")
	if err != nil || len(after) != 10 {
		t.Fatalf("NewCodes = %v, %v, want ten", after, err)
	}
	if _, err := b.signIn(u, before[0]); !errors.Is(err, otp.ErrWrong) {
		t.Errorf("sign-in with a code of before = %v, want ErrWrong", err)
	}
	if err := b.use(u, judged); !dynamo.Failed(err) {
		t.Error("a code that was judged before lets in, want it refused")
	}
	if accepted, err := b.signIn(u, after[0]); err != nil || accepted.Left != 9 {
		t.Errorf("sign-in with a code of after = %+v, %v, want nine left", accepted, err)
	}
	if _, err := b.NewCodes(t.Context(), u, ""); !errors.Is(err, identity.ErrChanged) {
		t.Errorf("NewCodes with a user of before = %v, want ErrChanged", err)
	}
	if _, err := b.NewCodes(t.Context(), b.person("bob"), ""); !errors.Is(err, otp.ErrNone) {
		t.Errorf("NewCodes without an app = %v, want ErrNone", err)
	}
	if got := b.entries(u); !slices.Contains(got, "otp.codes") {
		t.Errorf("trail = %v, want otp.codes in it", got)
	}
}

func TestRemove(t *testing.T) {
	b := newBench(t)
	u, codes := b.enroll("ann", annSecret)
	if err := b.Remove(t.Context(), u, "request"); err != nil {
		t.Fatal(err)
	}
	after := b.get(u.Subject)
	if state, err := b.State(t.Context(), u.Subject); err != nil || state != (otp.State{}) || after.OTP || len(b.stored(u)) != 0 {
		t.Errorf("State = %+v, %v of %+v, want nothing", state, err, after)
	}
	for _, code := range []string{b.code(annSecret, 0), codes[0]} {
		if _, err := b.Check(t.Context(), u, code); !errors.Is(err, otp.ErrNone) {
			t.Errorf("Check afterwards = %v, want ErrNone", err)
		}
	}
	if err := b.Remove(t.Context(), u, ""); !errors.Is(err, identity.ErrChanged) {
		t.Errorf("Remove with the user of before = %v, want ErrChanged", err)
	}
	if err := b.Remove(t.Context(), after, ""); !errors.Is(err, otp.ErrNone) {
		t.Errorf("Remove again = %v, want ErrNone", err)
	}
	if got := b.entries(u); !slices.Contains(got, "otp.remove") || len(got) != 2 {
		t.Errorf("trail = %v, want otp.add and otp.remove", got)
	}
}

// A recovery removes the app in the transaction that ends everything.
func TestRemovalWithEverything(t *testing.T) {
	b := newBench(t)
	ann, _ := b.enroll("ann", annSecret)
	for _, u := range []*identity.User{ann, b.person("bob")} {
		change := dynamo.UserChange{Changes: dynamo.Changes{Remove: []string{identity.AttrOTP}}}
		change.Also = append(change.Also, b.Removal(u.Subject))
		if _, err := b.sessions.ChangeUser(t.Context(), u.Subject, change, session.Cause{Actor: "operator"}); err != nil {
			t.Fatalf("ChangeUser(%s) = %v", u.UserName, err)
		}
		after := b.get(u.Subject)
		if after.OTP || after.AuthGen != u.AuthGen+1 || len(b.stored(u)) != 0 {
			t.Errorf("%s = %+v, want no app and all ended", u.UserName, after)
		}
	}
	if _, err := b.Add(t.Context(), b.get(ann.Subject), b.secret(bobSecret), b.code(bobSecret, 0), ""); err != nil {
		t.Errorf("Add afterwards = %v, want none", err)
	}
}

func TestPepperRotation(t *testing.T) {
	b := newBench(t)
	ann, codes := b.enroll("ann", annSecret)
	b.peppers = append(b.peppers, identity.Pepper{ID: "PEPPER02", Key: []byte("second key of the stage")})
	bob, _ := b.enroll("bob", bobSecret)
	if _, err := b.signIn(ann, b.code(annSecret, 0)); err != nil {
		t.Errorf("the app after a rotation = %v, want none", err)
	}
	if _, err := b.signIn(ann, codes[0]); err != nil {
		t.Errorf("a recovery code after a rotation = %v, want none", err)
	}
	fresh, err := b.NewCodes(t.Context(), ann, "")
	if err != nil {
		t.Fatal(err)
	}
	if it := b.stored(ann); it.Text("pepper") != "PEPPER01" || it.Text("codes_pepper") != "PEPPER02" {
		t.Errorf("peppers of ann = %s and %s, want the old one and the new one", it.Text("pepper"), it.Text("codes_pepper"))
	}
	b.now = b.now.Add(step)
	for _, code := range []string{b.code(annSecret, 0), fresh[0]} {
		if _, err := b.signIn(ann, code); err != nil {
			t.Errorf("sign-in after new codes = %v, want none", err)
		}
	}
	if it := b.stored(bob); it.Text("pepper") != "PEPPER02" {
		t.Errorf("pepper of bob = %s, want the new one", it.Text("pepper"))
	}
	b.peppers = b.peppers[1:]
	if _, err := b.Check(t.Context(), ann, b.code(annSecret, 1)); !errors.Is(err, identity.ErrPepper) {
		t.Errorf("Check without the pepper = %v, want ErrPepper", err)
	}
}

// The keys of the first release have no pepper, and no app is stored without one.
func TestNoAppIsStoredWithoutAPepper(t *testing.T) {
	b := newBench(t)
	u := b.person("ann")
	for _, peppers := range [][]identity.Pepper{nil, {{}}} {
		b.peppers = peppers
		if codes, err := b.Add(t.Context(), u, b.secret(annSecret), b.code(annSecret, 0), ""); !errors.Is(err, identity.ErrPepper) || codes != nil {
			t.Errorf("Add with peppers %v = %v, %v, want ErrPepper", peppers, codes, err)
		}
	}
	if len(b.stored(u)) != 0 || b.get(u.Subject).OTP {
		t.Error("something was kept without a pepper")
	}
}
