package dpop

import "context"

// CheckNonce checks a nonce without a proof around it.
func CheckNonce(v *Verifier, ctx context.Context, nonce string) error {
	return v.checkNonce(ctx, nonce)
}
