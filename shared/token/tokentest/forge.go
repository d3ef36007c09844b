package tokentest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// Forge returns forgeries of all [Kinds], except those of expiry if the mold is Lasting.
// Each differs from a good JWT in one step.
func (m Mold) Forge(tb testing.TB) []Forgery {
	tb.Helper()
	if m.Origin == "" {
		m.Origin = "iss"
	}
	if m.Audience == "" {
		m.Audience = "aud"
	}
	f := &forger{Mold: m, tb: tb}
	f.algorithms()
	f.keys()
	f.headers()
	f.twice()
	f.times()
	f.claims(Kinds[13], m.Origin)
	f.claims(Kinds[14], m.Audience)
	f.signatures()
	f.forms()
	f.add(Kinds[17], "in the claims", f.with(nil, map[string]any{"x": strings.Repeat("x", 5000)}))
	f.add(Kinds[17], "in the header", f.with(map[string]any{"kid": strings.Repeat("x", 5000)}, nil))
	f.add(Kinds[17], "in the signature", f.Sign(tb, nil)+strings.Repeat("AAAA", 5000))
	return f.all
}

type forger struct {
	Mold
	tb  testing.TB
	all []Forgery
}

func (f *forger) add(kind, variant, jwt string) {
	f.all = append(f.all, Forgery{Kind: kind, Variant: variant, JWT: jwt})
}

// with signs a JWT with changed members. A nil member is left out.
func (f *forger) with(header, claims map[string]any) string {
	f.tb.Helper()
	change := func(into, from map[string]any) {
		for name, value := range from {
			if into[name] = value; value == nil {
				delete(into, name)
			}
		}
	}
	return f.Sign(f.tb, func(h, c map[string]any) { change(h, header); change(c, claims) })
}

// input returns the signing input of a JWT with changed header members.
func (f *forger) input(header map[string]any) string {
	f.tb.Helper()
	h, c := f.parts()
	maps.Copy(h, header)
	return encode(text(f.tb, h)) + "." + encode(text(f.tb, c))
}

func (f *forger) algorithms() {
	f.tb.Helper()
	for _, none := range []string{"none", "None", "NONE", "nOnE", ""} {
		f.add(Kinds[0], none+" and no signature", f.input(map[string]any{"alg": none})+".")
		f.add(Kinds[0], none+" and a signature", f.with(map[string]any{"alg": none}, nil))
	}
	f.add(Kinds[0], "no alg", f.with(map[string]any{"alg": nil}, nil))

	der, err := x509.MarshalPKIXPublicKey(f.Key.Public())
	if err != nil {
		f.tb.Fatal(err)
	}
	block := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	for name, secret := range map[string]string{
		"DER": string(der), "PEM": block, "PEM without a line end": strings.TrimSpace(block),
		"JWK": text(f.tb, JWK(f.tb, f.Key)), "point": string(der[len(der)-65:]), "nothing": "",
	} {
		input := f.input(map[string]any{"alg": "HS256"})
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(input))
		f.add(Kinds[1], name, input+"."+encode(string(mac.Sum(nil))))
	}
	for _, alg := range []string{"RS256", "ES384", "EdDSA", "PS256", "HS256", "es256", "ES256 ", "ES256\x00"} {
		f.add(Kinds[2], alg, f.with(map[string]any{"alg": alg}, nil))
	}
	f.add(Kinds[2], "a list", f.with(map[string]any{"alg": []string{"ES256"}}, nil))
}

func (f *forger) keys() {
	f.tb.Helper()
	stranger := NewKey(f.tb)
	f.add(Kinds[3], "under the right kid", signed(f.tb, stranger, f.input(nil)))
	f.add(Kinds[3], "under another kid", signed(f.tb, stranger, f.input(map[string]any{"kid": "stranger"})))

	for name, kid := range map[string]any{
		"up": "../../" + f.KeyID, "absolute": "/dev/null", "SQL": "x' OR '1'='1", "with a NUL": f.KeyID + "\x00",
		"URL": "https://evil.example/jwks", "a number": 7, "a list": []string{f.KeyID}, "null": null(),
	} {
		f.add(Kinds[5], name, f.with(map[string]any{"kid": kid}, nil))
	}

	public := JWK(f.tb, stranger)
	private := maps.Clone(JWK(f.tb, f.Key))
	private["d"] = encode(strings.Repeat("d", 32))
	oct := map[string]any{"kty": "oct", "k": encode("secret")}
	f.add(Kinds[8], "of another party, beside the right signature", f.with(map[string]any{"jwk": public}, nil))
	f.add(Kinds[8], "a private one", f.with(map[string]any{"jwk": private}, nil))
	f.add(Kinds[8], "a text", f.with(map[string]any{"jwk": text(f.tb, public)}, nil))
	f.add(Kinds[8], "x5c", f.with(map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString([]byte("x"))}}, nil))
	input := f.input(map[string]any{"alg": "HS256", "jwk": oct})
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte(input))
	f.add(Kinds[8], "a symmetric one", input+"."+encode(string(mac.Sum(nil))))
	if f.Header["jwk"] == nil {
		f.add(Kinds[8], "of another party that signed", signed(f.tb, stranger, f.input(map[string]any{"jwk": public})))
	} else {
		f.add(Kinds[8], "none", f.with(map[string]any{"jwk": nil}, nil))
	}
}

// null returns a value that is written as null. A plain nil leaves the member out.
func null() any { return (*string)(nil) }

func (f *forger) headers() {
	f.tb.Helper()
	for _, typ := range []string{
		"JWT", "at+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", "client-authentication+jwt", "oauth-authz-req+jwt", "", "x", "at+jwt\x00",
	} {
		if slices.ContainsFunc(f.Types, func(right string) bool { return strings.EqualFold(right, typ) }) {
			continue
		}
		value := any(typ)
		if typ == "" {
			value = nil
		}
		f.add(Kinds[4], "typ "+typ, f.with(map[string]any{"typ": value}, nil))
	}
	f.add(Kinds[4], "a number", f.with(map[string]any{"typ": 7}, nil))
	for name, value := range map[string]any{"a claim": []string{"exp"}, "b64": []string{"b64"}, "nothing": []string{}, "a stranger": []string{"x"}} {
		f.add(Kinds[6], name, f.with(map[string]any{"crit": value, "exp": 1, "x": 1, "b64": true}, nil))
		f.add(Kinds[6], name+", alone", f.with(map[string]any{"crit": value}, nil))
	}
	f.add(Kinds[7], "not declared", f.with(map[string]any{"b64": false}, nil))
	f.add(Kinds[7], "declared", f.with(map[string]any{"b64": false, "crit": []string{"b64"}}, nil))
	for _, name := range []string{"jku", "x5u"} {
		f.add(Kinds[9], name, f.with(map[string]any{name: "https://evil.example/keys"}, nil))
	}
	f.add(Kinds[9], "zip", f.with(map[string]any{"zip": "DEF"}, nil))
}

func (f *forger) twice() {
	f.tb.Helper()
	for _, name := range []string{"alg", "typ", "kid", "jwk"} {
		h, c := f.parts()
		if _, ok := h[name]; !ok {
			continue
		}
		header := `{"` + name + `":"none",` + strings.TrimPrefix(text(f.tb, h), "{")
		f.add(Kinds[10], name+" in the header", f.SignText(f.tb, header, text(f.tb, c)))
	}
	for name := range f.Claims {
		h, c := f.parts()
		claims := `{"` + name + `":` + text(f.tb, c[name]) + "," + strings.TrimPrefix(text(f.tb, c), "{")
		f.add(Kinds[10], name+" in the claims", f.SignText(f.tb, text(f.tb, h), claims))
	}
	h, c := f.parts()
	f.add(Kinds[10], "two objects", f.SignText(f.tb, text(f.tb, h), text(f.tb, c)+text(f.tb, c)))
	f.add(Kinds[10], "in a list", f.SignText(f.tb, text(f.tb, h), "["+text(f.tb, c)+"]"))
}

func (f *forger) times() {
	f.tb.Helper()
	at := func(d time.Duration) map[string]any {
		changed := map[string]any{"iat": f.Now.Add(d).Unix()}
		if _, ok := f.Claims["exp"]; ok {
			changed["exp"] = f.Now.Add(d + time.Minute).Unix()
		}
		return changed
	}
	if !f.Lasting {
		f.add(Kinds[11], "an hour ago", f.with(nil, at(-time.Hour)))
		f.add(Kinds[11], "before 1970", f.with(nil, map[string]any{"iat": -1e15, "exp": -1e14}))
	}
	ahead := at(time.Hour)
	f.add(Kinds[12], "in an hour", f.with(nil, ahead))
	ahead["nbf"] = ahead["iat"]
	f.add(Kinds[12], "in an hour, and says so", f.with(nil, ahead))
	f.add(Kinds[12], "at the end of time", f.with(nil, map[string]any{"iat": 1e300, "exp": 1e301}))
	f.add(Kinds[12], "a text", f.with(nil, map[string]any{"iat": f.Now.Format(time.RFC3339)}))
}

// claims changes a claim that must have one of a few values.
func (f *forger) claims(kind, name string) {
	f.tb.Helper()
	right, _ := f.Claims[name].(string)
	if right == "" {
		f.tb.Fatalf("the mold needs a text as its claim %s, and has %v", name, f.Claims[name])
	}
	for variant, value := range map[string]any{
		"another party's": "https://evil.example", "with more": right + "x", "with less": right[:len(right)-1],
		"with a NUL": right + "\x00", "with a space": right + " ", "none": nil, "empty": "", "a number": 7, "an object": map[string]any{right: right},
		"in an empty list": []string{}, "a list with an empty one": []string{""}, "another party's in a list": []string{"https://evil.example"},
	} {
		f.add(kind, variant, f.with(nil, map[string]any{name: value}))
	}
}

func (f *forger) signatures() {
	f.tb.Helper()
	good := f.Sign(f.tb, nil)
	parts := strings.Split(good, ".")
	head, payload, signature := parts[0], parts[1], parts[2]
	f.add(Kinds[15], "by four characters", good[:len(good)-4])
	f.add(Kinds[15], "in half", head+"."+payload+"."+signature[:len(signature)/2])
	f.add(Kinds[15], "to nothing", head+"."+payload+".")
	f.add(Kinds[15], "to zeros", head+"."+payload+"."+encode(strings.Repeat("\x00", 64)))
	f.add(Kinds[15], "and grown", good+"AAAA")
	f.add(Kinds[15], "and DER around", head+"."+payload+"."+encode("0D\x02 "+strings.Repeat("1", 32)+"\x02 "+strings.Repeat("1", 32)))
	_, claims := f.parts()
	claims["x"] = true
	f.add(Kinds[15], "and moved to other claims", head+"."+encode(text(f.tb, claims))+"."+signature)
}

// forms writes a good JWT in other spellings.
func (f *forger) forms() {
	f.tb.Helper()
	good := f.Sign(f.tb, nil)
	parts := strings.Split(good, ".")
	head, payload, signature := parts[0], parts[1], parts[2]
	last := strings.IndexByte(alphabet, good[len(good)-1])
	for variant, jwt := range map[string]string{
		"empty": "", "a dot": ".", "two dots": "..", "two parts": head + "." + payload, "a dot more": good + ".",
		"a dot in front": "." + good, "five parts": good + ".AAAA.AAAA", "padding": good + "==", "padding inside": head + "=." + payload + "." + signature,
		"spare bits":  good[:len(good)-1] + string(alphabet[last^1]),
		"a line end":  head + "." + payload + ".\n" + signature,
		"a tab":       head + "\t." + payload + "." + signature,
		"a NUL":       head + "." + payload + "\x00." + signature,
		"a NUL after": good + "\x00", "a space in front": " " + good, "a space after": good + " ",
		"upper case": strings.ToUpper(good), "the other base64": strings.NewReplacer("-", "+", "_", "/").Replace(good) + "+",
		"flat JSON": text(f.tb, map[string]string{"protected": head, "payload": payload, "signature": signature}),
		"JSON": text(f.tb, map[string]any{
			"payload": payload, "signatures": []any{map[string]string{"protected": head, "signature": signature}},
		}),
		"JSON in base64": encode(text(f.tb, map[string]string{"protected": head, "payload": payload, "signature": signature})),
	} {
		f.add(Kinds[16], variant, jwt)
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
