package token_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// A resource server verifies an access token with the public keys of the issuer
// only, and then checks the audience itself.
func Example() {
	ctx, now := context.Background(), time.Now()
	document, err := keys.Generate(now)
	if err != nil {
		fmt.Println(err)
		return
	}
	minter := token.Minter{
		Issuer: "https://auth.example.com",
		Keys:   func(context.Context) (*keys.Document, error) { return document, nil },
		Now:    func(context.Context) time.Time { return now },
	}
	minted, err := minter.Mint(ctx, token.Request{
		Subject: "worker", ClientID: "worker", Scope: "invoices.read",
		Audience:  []string{"https://api.example.com"},
		Algorithm: oauth.ES256, Lifetime: 5 * time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	claims, err := token.Verify(ctx, minted.Value, token.Expect{
		Issuer: "https://auth.example.com", Type: token.AccessType, Now: now,
		Keys: func(_ context.Context, kid string) (keys.Verifying, error) {
			published, err := document.Public()
			if err != nil {
				return keys.Verifying{}, err
			}
			for _, key := range published {
				if key.ID == kid {
					return key.Verifying()
				}
			}
			return keys.Verifying{}, keys.ErrUnknown
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims.Subject, claims.Audience, claims.Scope)
	// Output: worker [https://api.example.com] invoices.read
}

// The header of a token can be read before its signature is verified, to find the
// key. It must not be trusted before that. A token without signature is refused.
func ExampleParse() {
	const unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30."
	if _, err := token.Parse(unsigned); err != nil {
		fmt.Println(err)
	}

	const signed = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsxIn0.e30.AAAA"
	jws, err := token.Parse(signed)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(jws.Algorithm, jws.Type, jws.KeyID)
	// Output:
	// token is not valid: not base64url
	// ES256 at+jwt k1
}
