package dpop

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// legacyNumber is number for the nonces that 0.1.0 gave away: the id of a MAC key,
// ".", and the MAC of the number of the window, which stands not in the text. A
// nonce is good for four minutes. Nothing writes these any more, and release 0.3
// stops reading them.
func (v *Verifier) legacyNumber(ctx context.Context, presented string, now int64) (int64, error) {
	id, _, _ := strings.Cut(presented, ".")
	if id == "" {
		return 0, opaque.ErrForged
	}
	key, err := v.Nonces(ctx, id)
	if errors.Is(err, keys.ErrUnknown) {
		return 0, opaque.ErrForged
	}
	if err != nil {
		return 0, err
	}
	for number := now - 1; number <= now+1; number++ {
		h := hmac.New(sha256.New, key.Key)
		h.Write([]byte("tipstaff dpop nonce\x00" + strconv.FormatInt(number, 10)))
		if hmac.Equal([]byte(presented), []byte(key.ID+"."+base64.RawURLEncoding.EncodeToString(h.Sum(nil)))) {
			return number, nil
		}
	}
	return 0, opaque.ErrForged
}
