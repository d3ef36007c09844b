package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/session"
)

// fixed returns one key for every id. A deployment uses the keys of its vault.
func fixed(_ context.Context, id string) (*keys.MACKey, error) {
	const only = "AAAABBBB"
	if id != "" && id != only {
		return nil, keys.ErrUnknown
	}
	return &keys.MACKey{ID: only, Key: bytes.Repeat([]byte{7}, 32)}, nil
}

// The code challenge is the digest of the code verifier (RFC 7636 appendix B).
func ExampleParseChallenge() {
	challenge, ok := session.ParseChallenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
	fmt.Println(ok)
	fmt.Println(challenge == session.DigestOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))

	_, ok = session.ParseChallenge("too short")
	fmt.Println(ok)
	// Output:
	// true
	// true
	// false
}

// An authorization code carries its content and needs no database until it is redeemed.
func ExampleCodes() {
	ctx := context.Background()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	codes := &session.Codes{Keys: fixed, Region: "eu-central-1", Now: func(context.Context) time.Time { return now }}

	text, err := codes.Seal(ctx, session.Code{
		Subject: "usr_ann", Client: session.DigestOf("app"), Scope: "openid offline_access", AuthTime: now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	code, err := codes.Open(ctx, text)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(code.Subject, code.Client == session.DigestOf("app"), code.Offline())

	_, err = codes.Open(ctx, text+"x")
	fmt.Println(errors.Is(err, session.ErrForged))

	now = now.Add(session.CodeLife)
	_, err = codes.Open(ctx, text)
	fmt.Println(errors.Is(err, session.ErrEnded))
	// Output:
	// usr_ann true true
	// true
	// true
}

// A refresh token names its grant and its generation, and is recomputed at any time.
func ExampleHandles() {
	ctx := context.Background()
	handles := &session.Handles{Keys: fixed, Region: "eu-central-1"}

	first, err := handles.Mint(ctx, "usr_ann", "01KAPFDM00AAAAAAAAAAAAAAAA", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := handles.Parse(ctx, first)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject, token.Grant, token.Generation)

	second, err := handles.Next(ctx, token)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := handles.Next(ctx, token)
	fmt.Println(second == again, err)

	_, err = handles.Parse(ctx, first+"x")
	fmt.Println(errors.Is(err, session.ErrForged))
	// Output:
	// usr_ann 01KAPFDM00AAAAAAAAAAAAAAAA 1
	// true <nil>
	// true
}
