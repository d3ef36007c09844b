package dpop

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// NonceHeader gives a client the nonce for its next proof.
const NonceHeader = "DPoP-Nonce"

// window is how long a nonce is given away. It is accepted until the end of the
// next window.
const window = 2 * time.Minute

// NonceError is under the refusal use_dpop_nonce. The client is to make another
// proof, with this nonce, and to send its request again.
type NonceError struct{ Nonce string }

func (e *NonceError) Error() string { return "the proof has no nonce of ours that is new enough" }

// SetHeaders adds the nonce to the answer.
func (e *NonceError) SetHeaders(h http.Header) { h.Set(NonceHeader, e.Nonce) }

// A nonce is the id of a MAC key, and the MAC of the number of its window. It
// shows that a proof was made now and not long ahead of its time by somebody
// who had the key for a moment only. Nothing is stored: all clients get the same
// one, and the jti keeps proofs from being used twice.

func (v *Verifier) nonce(key *keys.MACKey, number int64) string {
	h := hmac.New(sha256.New, key.Key)
	h.Write([]byte("tipstaff dpop nonce\x00" + strconv.FormatInt(number, 10)))
	return key.ID + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func (v *Verifier) checkNonce(ctx context.Context, presented string) error {
	if v.Nonces == nil {
		return errors.New("check the nonce of a proof: this route has no key for it")
	}
	now := v.Now(ctx).Unix() / int64(window/time.Second)
	id, _, _ := strings.Cut(presented, ".")
	if id != "" {
		key, err := v.Nonces(ctx, id)
		if err != nil && !errors.Is(err, keys.ErrUnknown) {
			return fmt.Errorf("check the nonce of a proof: %w", err)
		}
		// The next one is there for a clock of ours that is slow.
		for number := now - 1; err == nil && number <= now+1; number++ {
			if hmac.Equal([]byte(presented), []byte(v.nonce(key, number))) {
				return nil
			}
		}
	}
	key, err := v.Nonces(ctx, "")
	if err != nil {
		return fmt.Errorf("make a nonce: %w", err)
	}
	return &oauth.Error{
		Code: oauth.UseDPoPNonce, Detail: "the proof must contain the nonce of the header DPoP-Nonce",
		Err: &NonceError{Nonce: v.nonce(key, now)},
	}
}
