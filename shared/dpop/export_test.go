package dpop

import "context"

// CheckNonce checks a nonce without a proof around it.
func CheckNonce(ctx context.Context, v *Verifier, nonce string) error {
	return v.checkNonce(ctx, nonce)
}
