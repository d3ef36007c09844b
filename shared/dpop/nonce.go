package dpop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// NonceHeader gives a client the nonce for its next proof.
const NonceHeader = "DPoP-Nonce"

// window is how long one nonce is issued. It is accepted until the end of the next
// window.
const window = 2 * time.Minute

// NonceError is wrapped by the refusal use_dpop_nonce. The client makes another proof
// with this nonce, and sends its request again.
type NonceError struct{ Nonce string }

func (e *NonceError) Error() string { return "the proof has no nonce of ours that is new enough" }

// SetHeaders adds the nonce to the answer.
func (e *NonceError) SetHeaders(h http.Header) { h.Set(NonceHeader, e.Nonce) }

// A nonce is the number of its window, signed. It shows that a proof was made now
// and not long ahead of its time by an attacker who had the key for a moment only.
// Nothing is stored: all clients get the same nonce, and the jti keeps proofs from
// being used twice.

func (v *Verifier) mac() *opaque.MAC { return &opaque.MAC{Kind: opaque.DPoPNonce, Keys: v.Nonces} }

func (v *Verifier) nonce(ctx context.Context, number int64) (string, error) {
	value, err := v.mac().Sign(ctx, binary.BigEndian.AppendUint64(nil, uint64(number))) //nolint:gosec // G115: number reads it back
	if err != nil {
		return "", fmt.Errorf("make a nonce: %w", err)
	}
	return opaque.Encode(value), nil
}

func (v *Verifier) checkNonce(ctx context.Context, presented string) error {
	if v.Nonces == nil {
		return errors.New("check the nonce of a proof: this route has no key for it")
	}
	now := v.Now(ctx).Unix() / int64(window/time.Second)
	number, err := v.number(ctx, presented, now)
	// The next window is accepted for the case that our clock is slow.
	if err == nil && now-1 <= number && number <= now+1 {
		return nil
	}
	if err != nil && !errors.Is(err, opaque.ErrForged) {
		return fmt.Errorf("check the nonce of a proof: %w", err)
	}
	fresh, err := v.nonce(ctx, now)
	if err != nil {
		return err
	}
	return &oauth.Error{
		Code: oauth.UseDPoPNonce, Detail: "the proof must contain the nonce of the header DPoP-Nonce",
		Err: &NonceError{Nonce: fresh},
	}
}

// number returns the window of a nonce of ours, or opaque.ErrForged.
func (v *Verifier) number(ctx context.Context, presented string, now int64) (int64, error) {
	if strings.Contains(presented, ".") {
		return v.legacyNumber(ctx, presented, now)
	}
	value, err := opaque.Decode(presented)
	if err != nil {
		return 0, opaque.ErrForged
	}
	said, err := v.mac().Verify(ctx, value)
	if err != nil {
		return 0, err
	}
	if len(said.Body) != 8 {
		return 0, opaque.ErrForged
	}
	return int64(binary.BigEndian.Uint64(said.Body)), nil //nolint:gosec // G115: nonce wrote it from an int64
}
