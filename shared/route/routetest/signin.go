package routetest

import (
	"context"
	"fmt"
	"time"

	"github.com/pquerna/otp/hotp"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

// Throttle counts the attempts of the stage.
func (s *Stage) Throttle() *throttle.Store {
	return &throttle.Store{DB: s.DB, Sessions: s.Table(contract.Sessions), Key: s.ThrottleKey, Now: s.Now}
}

// Flow signs users in.
func (s *Stage) Flow() *signin.Flow {
	return &signin.Flow{
		Browser: s.Browser(), Steps: &opaque.Box{Kind: opaque.SignInStep, Keys: s.MACKey}, Now: s.Now,
	}
}

// SecondSteps checks second steps.
func (s *Stage) SecondSteps() *signin.Codes {
	return &signin.Codes{Throttle: s.Throttle(), OTP: s.Apps(), Refusals: s.Auth().Refusals}
}

// Apps is the store of authenticator apps.
func (s *Stage) Apps() *otp.Store {
	people := s.People()
	return &otp.Store{DB: s.DB, Registry: people.Registry, Peppers: people.Peppers, People: people, Trail: people.Trail, Now: s.Now}
}

// AuthenticatorApp is a phone with an authenticator app.
type AuthenticatorApp struct {
	// Recovery are the recovery codes that came with it.
	Recovery []string

	stage  *Stage
	secret otp.Secret
}

// AddApp gives a user an authenticator app. The code of the moment is not used yet.
func (s *Stage) AddApp(subject string) *AuthenticatorApp {
	s.T.Helper()
	u, err := s.People().Get(context.Background(), subject)
	if err != nil {
		s.T.Fatal(err)
	}
	a := &AuthenticatorApp{stage: s, secret: otp.NewSecret()}
	for a.repeats() {
		a.secret = otp.NewSecret()
	}
	if a.Recovery, err = s.Apps().Add(context.Background(), u, a.secret, a.at(-1), ""); err != nil {
		s.T.Fatal(err)
	}
	return a
}

// Code returns the code that the app shows now. It changes after CodeLife.
func (a *AuthenticatorApp) Code() string { return a.at(0) }

// Wrong returns a code that the app shows neither now nor next.
func (a *AuthenticatorApp) Wrong() string {
	for n := range 4 {
		wrong := fmt.Sprintf("%06d", n)
		if wrong != a.at(-1) && wrong != a.at(0) && wrong != a.at(1) {
			return wrong
		}
	}
	panic("three codes are all of four")
}

// CodeLife is how long an app shows a code.
const CodeLife = 30 * time.Second

// at returns the code that the app shows a number of steps from now.
func (a *AuthenticatorApp) at(steps int64) string {
	step := a.stage.Time.Unix()/int64(CodeLife/time.Second) + steps
	code, err := hotp.GenerateCode(a.secret.Text(), uint64(step)) //nolint:gosec // G115: the clock of the stage is past 1970
	if err != nil {
		a.stage.T.Fatal(err)
	}
	return code
}

// repeats reports whether the app shows a code twice within an hour, which would
// make a test fail once in a long while.
func (a *AuthenticatorApp) repeats() bool {
	seen := map[string]bool{}
	for step := range int64(120) {
		code := a.at(step - 2)
		if seen[code] {
			return true
		}
		seen[code] = true
	}
	return false
}
