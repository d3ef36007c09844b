package websec

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
)

// FormLife is how long a form may stay open before it is sent.
const FormLife = time.Hour

// ErrForm says that a form is not from a page that we gave this browser within
// FormLife.
var ErrForm = errors.New("the form is not from a page of ours")

// Forms makes and checks the tokens that stand hidden in our forms.
//
// A token is a MAC over its time, the form's purpose and the browser's cookie,
// so it is worth nothing in another browser, in another form or on another
// day. Nothing is stored.
type Forms struct {
	// Key returns the MAC key of an id, the active one for "", or
	// keys.ErrUnknown.
	Key func(ctx context.Context, id string) (*keys.MACKey, error)
	Now func(context.Context) time.Time
}

// Token returns a token for a form with that purpose and gives the browser its
// FormCookie, the same as it has already, so that two tabs do not disturb each
// other, nor two tokens of one answer.
func (f *Forms) Token(ctx context.Context, w http.ResponseWriter, r *http.Request, purpose string) (string, error) {
	key, err := f.Key(ctx, "")
	if err != nil {
		return "", fmt.Errorf("make the token of a form: %w", err)
	}
	browser := Name(w, r)
	at := strconv.FormatInt(f.Now(ctx).UnixMilli(), 36)
	return strings.Join([]string{key.ID, at, mac(key, at, purpose, browser)}, "."), nil
}

// Name is what a browser is called by its FormCookie, which it gets if it has none.
// What is bound to the name is of use in that browser alone.
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

// given is the FormCookie that an answer gives already, or "".
func given(w http.ResponseWriter) string {
	for _, c := range (&http.Response{Header: w.Header()}).Cookies() {
		if c.Name == FormCookie {
			return c.Value
		}
	}
	return ""
}

// Check returns nil if token was made for a form with that purpose in the
// browser of the request, and ErrForm if not. Another error says that nobody
// can tell.
func (f *Forms) Check(ctx context.Context, r *http.Request, purpose, token string) error {
	_, err := f.Made(ctx, r, purpose, token)
	return err
}

// Made returns when a token was made, to the millisecond, that Check accepts.
// Nobody can make it say another time: it proves that the browser was here then,
// for that purpose.
func (f *Forms) Made(ctx context.Context, r *http.Request, purpose, token string) (time.Time, error) {
	parts := strings.Split(token, ".")
	browser := Cookie(r, FormCookie)
	if len(parts) != 3 || parts[0] == "" || browser == "" {
		return time.Time{}, ErrForm
	}
	milliseconds, err := strconv.ParseInt(parts[1], 36, 64)
	if err != nil {
		return time.Time{}, ErrForm
	}
	made := time.UnixMilli(milliseconds).UTC()
	if age := f.Now(ctx).Sub(made); age < -time.Minute || age > FormLife {
		return time.Time{}, ErrForm
	}
	key, err := f.Key(ctx, parts[0])
	if errors.Is(err, keys.ErrUnknown) {
		return time.Time{}, ErrForm
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("check the token of a form: %w", err)
	}
	if !hmac.Equal([]byte(parts[2]), []byte(mac(key, parts[1], purpose, browser))) {
		return time.Time{}, ErrForm
	}
	return made, nil
}

// mac begins with a kind of its own: no handle is ever a form token.
func mac(key *keys.MACKey, at, purpose, browser string) string {
	h := hmac.New(sha256.New, key.Key)
	h.Write([]byte(strings.Join([]string{"tipstaff form", at, purpose, browser}, "\x00")))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
