package websec

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// readLegacy is read for the tokens that 0.1.0 put into forms: the id of a MAC key,
// the time in base 36, and a MAC over the time, the purpose and the browser, with
// dots between them. A token is good for FormLife. Nothing writes these any more,
// and release 0.3 stops reading them.
func (f *Forms) readLegacy(ctx context.Context, token, purpose, browser string) (time.Time, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[0] == "" {
		return time.Time{}, opaque.ErrForged
	}
	milliseconds, err := strconv.ParseInt(parts[1], 36, 64)
	if err != nil {
		return time.Time{}, opaque.ErrForged
	}
	key, err := f.Key(ctx, parts[0])
	if errors.Is(err, keys.ErrUnknown) {
		return time.Time{}, opaque.ErrForged
	}
	if err != nil {
		return time.Time{}, err
	}
	h := hmac.New(sha256.New, key.Key)
	h.Write([]byte(strings.Join([]string{"tipstaff form", parts[1], purpose, browser}, "\x00")))
	if !hmac.Equal([]byte(parts[2]), []byte(base64.RawURLEncoding.EncodeToString(h.Sum(nil)))) {
		return time.Time{}, opaque.ErrForged
	}
	return time.UnixMilli(milliseconds).UTC(), nil
}
