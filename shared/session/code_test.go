package session_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session"
)

func (r *ring) codes(region string) *session.Codes {
	return &session.Codes{Keys: r.handles(region).Keys, Region: region, Now: func(context.Context) time.Time { return r.now }}
}

// fullCode is a code with every field set.
func fullCode(now time.Time) session.Code {
	challenge, ok := session.ParseChallenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
	if !ok {
		panic("the challenge of RFC 7636 appendix B is none")
	}
	return session.Code{
		Subject: subject, AuthGen: 7, Login: grant, LoginEnds: now.Add(time.Hour),
		Client: session.DigestOf("app"), RedirectURI: session.DigestOf("https://app.example.com/cb"), Challenge: challenge,
		Scope: "openid notes.read", Audience: []string{"https://notes.example.com", "/api"}, Nonce: "n-0S6_WzA2Mj",
		AuthTime: now.Add(-time.Minute), AMR: []string{"pwd", "otp"}, JKT: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
	}
}

func TestCodeRoundTrip(t *testing.T) {
	r := newRing(t)
	codes := r.codes("eu-central-1")
	for _, want := range []session.Code{fullCode(r.now), {Subject: subject, AuthTime: r.now}} {
		text := must(codes.Seal(t.Context(), want))
		got, err := codes.Open(t.Context(), text)
		if err != nil {
			t.Fatalf("Open(%q) = %v", text, err)
		}
		if len(got.Grant) != 26 || !got.Expires.Equal(r.now.Add(session.CodeLife)) {
			t.Errorf("the code is for grant %q until %v, want an id and a minute", got.Grant, got.Expires)
		}
		want.Grant, want.Expires = got.Grant, got.Expires
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("Open(Seal) =\n%+v, want\n%+v", *got, want)
		}
		if strings.Contains(text, subject) || !strings.HasPrefix(text, "tsc_") || len(text) > 800 {
			t.Errorf("Seal = %q, want tsc_, nothing to read, and not long", text)
		}
		if again := must(codes.Open(t.Context(), must(codes.Seal(t.Context(), want)))); again.Grant == got.Grant {
			t.Error("two codes are for one grant")
		}
	}
}

// The challenge of RFC 7636 appendix B is the digest of its verifier.
func TestChallenge(t *testing.T) {
	if got := fullCode(time.Now()).Challenge; got != session.DigestOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") {
		t.Errorf("challenge = %x, want the digest of the verifier", got)
	}
	good := "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	for _, bad := range []string{
		"", good[1:], good + "A", good + "=", good[:42] + "N", good[:20] + "\n" + good[20:], strings.Replace(good, "-", "+", 1),
		"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX", strings.Repeat("A", 86),
	} {
		if got, ok := session.ParseChallenge(bad); ok {
			t.Errorf("ParseChallenge(%q) = %x, want none", bad, got)
		}
	}
}

func TestCodeExpires(t *testing.T) {
	r := newRing(t)
	codes := r.codes("eu-central-1")
	text := must(codes.Seal(t.Context(), fullCode(r.now)))
	r.now = r.now.Add(session.CodeLife - time.Second)
	if _, err := codes.Open(t.Context(), text); err != nil {
		t.Errorf("Open after 59 seconds = %v", err)
	}
	r.now = r.now.Add(time.Second)
	if _, err := codes.Open(t.Context(), text); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Open after a minute = %v, want ErrEnded", err)
	}
}

func TestCodeOfAnotherRegion(t *testing.T) {
	r := newRing(t)
	text := must(r.codes("eu-central-1").Seal(t.Context(), fullCode(r.now)))
	_, err := r.codes("us-east-1").Open(t.Context(), text)
	if away, ok := errors.AsType[*session.RegionError](err); !ok || away.Home != "eu-central-1" {
		t.Errorf("Open in another region = %v, want a RegionError with its home", err)
	}
}

// A code is not accepted as another kind of handle, nor another kind as a code.
func TestCodesOfOtherKinds(t *testing.T) {
	r := newRing(t)
	codes, handles := r.codes("eu-central-1"), r.handles("eu-central-1")
	code := must(codes.Seal(t.Context(), fullCode(r.now)))
	refresh := must(handles.Mint(t.Context(), subject, grant, 1))
	registered := must((&opaque.Box{Kind: opaque.RegisteredClient, Keys: codes.Keys}).Seal(t.Context(), []byte("x")))
	for _, s := range []string{
		refresh, registered, client.NewSecret(), "", "tsc_", code[:len(code)-1], strings.ToUpper(code), code + "0",
		opaque.Write(opaque.AuthorizationCode, must(opaque.Read(opaque.RefreshToken, refresh))),
		opaque.Write(opaque.AuthorizationCode, must(opaque.Read(opaque.RegisteredClient, registered))),
		must(newRing(t).codes("eu-central-1").Seal(t.Context(), fullCode(r.now))),
	} {
		if got, err := codes.Open(t.Context(), s); !errors.Is(err, session.ErrForged) {
			t.Errorf("Open(%q) = %+v, %v, want ErrForged", s, got, err)
		}
	}
	dressed := opaque.Write(opaque.RefreshToken, must(opaque.Read(opaque.AuthorizationCode, code)))
	for _, s := range []string{code, dressed} {
		if got, err := handles.Parse(t.Context(), s); !errors.Is(err, session.ErrForged) {
			t.Errorf("Parse(%q) = %+v, %v, want ErrForged", s, got, err)
		}
	}
}

func TestTooMuchForACode(t *testing.T) {
	r := newRing(t)
	codes := r.codes("eu-central-1")
	tests := map[string]func(*session.Code){
		"a long scope":   func(c *session.Code) { c.Scope = strings.Repeat("s", 70_000) },
		"many resources": func(c *session.Code) { c.Audience = make([]string, 300) },
		"a long nonce":   func(c *session.Code) { c.Nonce = strings.Repeat("n", opaque.MaxLength) },
	}
	for name, change := range tests {
		c := fullCode(r.now)
		change(&c)
		if _, err := codes.Seal(t.Context(), c); !errors.Is(err, session.ErrTooMuch) {
			t.Errorf("Seal with %s = %v, want ErrTooMuch", name, err)
		}
	}
	c := fullCode(r.now)
	c.Login = "no ULID"
	half := fullCode(r.now)
	half.LoginEnds = time.Time{}
	if _, err := codes.Seal(t.Context(), half); err == nil {
		t.Error("Seal under a login without an end = nil, want an error")
	}
	if _, err := codes.Seal(t.Context(), c); err == nil || errors.Is(err, session.ErrTooMuch) {
		t.Errorf("Seal under no login = %v, want another error", err)
	}
}

func TestOffline(t *testing.T) {
	for scope, want := range map[string]bool{"": false, "openid": false, "offline_access": true, "openid offline_access a": true, "xoffline_access": false} {
		if got := (&session.Code{Scope: scope}).Offline(); got != want {
			t.Errorf("Offline with the scope %q = %v, want %v", scope, got, want)
		}
	}
}

// Only sealed texts open. A sealed content of any form, such as a code of another
// release, is read or refused.
func FuzzOpenCode(f *testing.F) {
	r := newRing(f)
	codes := r.codes("eu-central-1")
	ctx := context.Background()
	box := &opaque.Box{Kind: opaque.AuthorizationCode, Keys: codes.Keys}
	good := must(codes.Seal(ctx, fullCode(r.now)))
	content := must(box.Open(ctx, good))
	f.Add(good, content)
	f.Add(good[:len(good)-1], content[:len(content)-1])
	f.Add(strings.ToLower(good), append([]byte{2}, content[1:]...))
	f.Add("tsc_", append(content[:len(content):len(content)], 0))
	f.Add(opaque.Write(opaque.RefreshToken, must(opaque.Read(opaque.AuthorizationCode, good))), content[:200])
	f.Fuzz(func(t *testing.T, text string, content []byte) {
		if got, err := codes.Open(ctx, text); err == nil && text != good || err != nil && !errors.Is(err, session.ErrForged) {
			t.Errorf("Open(%q) = %+v, %v, want ErrForged for what was not sealed", text, got, err)
		}
		ours, err := box.Seal(ctx, content)
		if err != nil {
			return // too long
		}
		c, err := codes.Open(ctx, ours)
		_, away := errors.AsType[*session.RegionError](err)
		if err == nil && (c.Grant == "" || !r.now.Before(c.Expires)) ||
			err != nil && !away && !errors.Is(err, session.ErrForged) && !errors.Is(err, session.ErrEnded) {
			t.Errorf("Open of the content %x = %+v, %v", content, c, err)
		}
	})
}
