package websec

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// FormLife is how long a form may stay open before it is sent.
const FormLife = time.Hour

// ErrForm is returned when a form is not from a page that we gave this browser
// within FormLife.
var ErrForm = errors.New("the form is not from a page of ours")

// Forms makes and checks the tokens in the hidden fields of our forms.
//
// A token is the time at which it was made, signed and bound to the form's purpose and
// the browser's cookie. So it is worth nothing in another browser, in another form or
// on another day. Nothing is stored.
type Forms struct {
	// Key returns the MAC key of an id, the active one for "", or
	// keys.ErrUnknown.
	Key func(ctx context.Context, id string) (*keys.MACKey, error)
	Now func(context.Context) time.Time
}

func (f *Forms) mac() *opaque.MAC { return &opaque.MAC{Kind: opaque.FormToken, Keys: f.Key} }

// Token returns a token for a form with that purpose and sets the FormCookie of the
// browser. A browser that has the cookie keeps its value, so that two tabs, or two
// tokens of one answer, do not disturb each other.
func (f *Forms) Token(ctx context.Context, w http.ResponseWriter, r *http.Request, purpose string) (string, error) {
	at := binary.BigEndian.AppendUint64(nil, uint64(f.Now(ctx).UnixMilli())) //nolint:gosec // G115: our clock is past 1970
	value, err := f.mac().Sign(ctx, at, purpose, Name(w, r))
	if err != nil {
		return "", fmt.Errorf("make the token of a form: %w", err)
	}
	return opaque.Encode(value), nil
}

// Name returns the name of a browser in its FormCookie, and sets the cookie if there
// is none. A value that is bound to the name works in that browser alone.
func Name(w http.ResponseWriter, r *http.Request) string {
	if name := given(w); name != "" {
		return name
	}
	name := Cookie(r, FormCookie)
	if len(name) != len(rand.Text()) {
		name = rand.Text()
	}
	SetCookie(w, FormCookie, name, FormLife)
	return name
}

// given returns the FormCookie that an answer already sets, or "".
func given(w http.ResponseWriter) string {
	for _, c := range (&http.Response{Header: w.Header()}).Cookies() {
		if c.Name == FormCookie {
			return c.Value
		}
	}
	return ""
}

// Check returns nil if token was made for a form with that purpose in the browser of
// the request. [ErrForm] is returned if it was not. Any other error is the reason why
// the keys could not be read.
func (f *Forms) Check(ctx context.Context, r *http.Request, purpose, token string) error {
	_, err := f.Made(ctx, r, purpose, token)
	return err
}

// Made returns the time, to the millisecond, at which a token was made that
// [Forms.Check] accepts. The time in a token cannot be changed: it proves that the
// browser was here then, for that purpose.
func (f *Forms) Made(ctx context.Context, r *http.Request, purpose, token string) (time.Time, error) {
	browser := Cookie(r, FormCookie)
	if browser == "" {
		return time.Time{}, ErrForm
	}
	made, err := f.read(ctx, token, purpose, browser)
	if errors.Is(err, opaque.ErrForged) {
		return time.Time{}, ErrForm
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("check the token of a form: %w", err)
	}
	if age := f.Now(ctx).Sub(made); age < -time.Minute || age > FormLife {
		return time.Time{}, ErrForm
	}
	return made, nil
}

// read returns the time at which a token was made, or [opaque.ErrForged].
func (f *Forms) read(ctx context.Context, token, purpose, browser string) (time.Time, error) {
	if strings.Contains(token, ".") {
		return f.readLegacy(ctx, token, purpose, browser)
	}
	value, err := opaque.Decode(token)
	if err != nil {
		return time.Time{}, opaque.ErrForged
	}
	said, err := f.mac().Verify(ctx, value, purpose, browser)
	if err != nil {
		return time.Time{}, err
	}
	if len(said.Body) != 8 {
		return time.Time{}, opaque.ErrForged
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(said.Body))).UTC(), nil //nolint:gosec // G115: Token wrote it
}
