package signin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/web"
)

// StepLife is how long a sign-in waits for its second step.
const StepLife = 5 * time.Minute

// step is the state of a sign-in: which user has proved what, in which browser. It
// does not contain the destination, which is judged each time that the form returns
// it.
type step struct {
	Subject string `json:"sub"`
	// AuthGen and Credentials are those of the user that the first step was judged by.
	// A later change to them may change the judgment.
	AuthGen     int64    `json:"gen"`
	Credentials int64    `json:"creds"`
	AMR         []string `json:"amr"`
	// Browser is the hash of the name of the browser.
	Browser []byte `json:"browser"`
	// Made is the time of the first step, in Unix milliseconds.
	Made int64 `json:"made"`
}

// errStep is returned when a note is from another browser, or too old.
var errStep = errors.New("the second step is not one that this browser has to take")

// ask shows the page of the second step.
func (f *Flow) ask(w http.ResponseWriter, r *http.Request, p Proof) error {
	if len(p.Also) > 0 {
		return fmt.Errorf("ask %s for the second step: %d writes would be lost", p.User.Subject, len(p.Also))
	}
	content, err := json.Marshal(step{
		Subject: p.User.Subject, AuthGen: p.User.AuthGen, Credentials: p.User.Credentials, AMR: p.AMR,
		Browser: digest(websec.Name(w, r)), Made: f.Now(r.Context()).UnixMilli(),
	})
	if err != nil {
		return fmt.Errorf("write down a sign-in: %w", err)
	}
	note, err := f.Steps.Seal(r.Context(), content)
	if err != nil {
		return err
	}
	Remember(w, p.Remember)
	web.Render(w, http.StatusOK, web.SecondStep{
		Step: note, Who: p.User.UserName, Return: Destination(p.Return), To: Source(p.Return, p.To),
	})
	return nil
}

// read returns the content of a note of this browser, or errStep.
func (f *Flow) read(ctx context.Context, r *http.Request, note string) (*step, error) {
	content, err := f.Steps.Open(ctx, note)
	if errors.Is(err, opaque.ErrForged) {
		return nil, fmt.Errorf("%w: %w", errStep, err)
	}
	if err != nil {
		return nil, err
	}
	var s step
	if err := json.Unmarshal(content, &s); err != nil {
		return nil, fmt.Errorf("read a sign-in: %w", err)
	}
	name := websec.Cookie(r, websec.FormCookie)
	if name == "" || subtle.ConstantTimeCompare(s.Browser, digest(name)) != 1 {
		return nil, fmt.Errorf("%w: it is another browser's", errStep)
	}
	if age := f.Now(ctx).Sub(time.UnixMilli(s.Made)); age < -time.Minute || age > StepLife {
		return nil, fmt.Errorf("%w: it is too old", errStep)
	}
	return &s, nil
}

func digest(name string) []byte {
	sum := sha256.Sum256([]byte("tipstaff sign-in step\x00" + name))
	return sum[:]
}

// StartOver tells a user that the sign-in has to start again, with a link to the same
// destination. It is for a sign-in that took too long, or that an end of all sessions
// of the user overtook.
func StartOver(w http.ResponseWriter, r *http.Request, asked, to string, why error) {
	note := httpapi.Note(r.Context())
	note.Code, note.Error = string(oauth.InvalidGrant), why.Error()
	back := url.Values{"return": {Destination(asked)}}
	if to = Source(asked, to); to != "" {
		back.Set("to", to)
	}
	web.Render(w, http.StatusBadRequest, web.BeginAgain(contract.Login.Path()+"?"+back.Encode()))
}
