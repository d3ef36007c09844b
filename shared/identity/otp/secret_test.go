package otp_test

import (
	"bytes"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	pquerna "github.com/pquerna/otp"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
)

func TestSecret(t *testing.T) {
	one, other := otp.NewSecret(), otp.NewSecret()
	if one == other {
		t.Error("NewSecret returned the same secret twice")
	}
	if !regexp.MustCompile(`^[A-Z2-7]{32}$`).MatchString(one.Text()) || strings.ReplaceAll(one.Typed(), " ", "") != one.Text() || len(one.Typed()) != 39 {
		t.Errorf("Text, Typed = %q, %q, want 32 characters of base32, and the same in groups of four", one.Text(), one.Typed())
	}
	if back, err := otp.ParseSecret(one.Text()); err != nil || back != one {
		t.Errorf("ParseSecret(Text) = %v, want the same secret", err)
	}
	// No format verb reveals it.
	fixed, err := otp.ParseSecret(annSecret) // the bytes of "1234567890", twice
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		text := fmt.Sprintf(verb, struct{ Secret otp.Secret }{fixed})
		for _, leak := range []string{annSecret, "1234567890", "49 50 51", "0x31, 0x32", "313233"} {
			if strings.Contains(text, leak) {
				t.Errorf("%s of a secret = %q, want it not to tell", verb, text)
			}
		}
	}
}

func TestURI(t *testing.T) {
	secret, err := otp.ParseSecret(annSecret)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ issuer, name, want string }{
		{"https://auth.example.com", "ann", "otpauth://totp/auth.example.com:ann?secret=" + annSecret + "&issuer=auth.example.com"},
		{"http://localhost:8080", "a+b@example.com", "otpauth://totp/localhost:a+b@example.com?secret=" + annSecret + "&issuer=localhost"},
		{"The Company & Co", "ann", "otpauth://totp/The%20Company%20&%20Co:ann?secret=" + annSecret + "&issuer=The+Company+%26+Co"},
	}
	for _, tt := range tests {
		got := secret.URI(tt.issuer, tt.name)
		if got != tt.want {
			t.Errorf("URI(%q, %q) = %q, want %q", tt.issuer, tt.name, got, tt.want)
		}
		k, err := pquerna.NewKeyFromURL(got)
		if err != nil || k.Secret() != annSecret || k.AccountName() != tt.name || k.Type() != "totp" || k.Period() != 30 || k.Digits() != pquerna.DigitsSix || k.Algorithm() != pquerna.AlgorithmSHA1 {
			t.Errorf("an app reads %+v, %v of %q", k, err, got)
		}
		if u, err := url.Parse(got); err != nil || u.Query().Get("issuer") != k.Issuer() {
			t.Errorf("issuer of %q = %q, %v", got, k.Issuer(), err)
		}
	}
}

// A leaked table holds neither a secret nor a code in any usable form.
func TestTableLeaked(t *testing.T) {
	b := newBench(t)
	u, codes := b.enroll("ann", annSecret)
	if _, err := b.signIn(u, codes[0]); err != nil {
		t.Fatal(err)
	}
	fresh, err := b.NewCodes(t.Context(), u, "request")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base32.StdEncoding.DecodeString(annSecret)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{annSecret, strings.ToLower(annSecret), string(raw), hex.EncodeToString(raw), b.code(annSecret, -1), b.code(annSecret, 0)}
	for _, code := range slices.Concat(codes, fresh) {
		bare := strings.ReplaceAll(code, "-", "")
		random, err := base32.StdEncoding.DecodeString(strings.ToUpper(bare))
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, code, bare, strings.ToUpper(code), strings.ToUpper(bare), string(random), hex.EncodeToString(random))
	}
	values := 0
	for _, table := range []string{b.Registry, b.sessions.Sessions, b.Trail.Table} {
		out, err := b.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range out.Items {
			for _, value := range flat(&types.AttributeValueMemberM{Value: it}) {
				values++
				for _, secret := range secrets {
					// Six digits are in a number by chance: there the whole
					// value counts.
					if string(value) == secret || len(secret) > 6 && bytes.Contains(value, []byte(secret)) {
						t.Errorf("%s has %q in an item with %v", table, secret, it["sk"])
					}
				}
			}
		}
	}
	if values < 40 {
		t.Errorf("%d values were looked at, want all of some items", values)
	}
}

// flat returns every value and every name inside a value.
func flat(v types.AttributeValue) [][]byte {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return [][]byte{[]byte(v.Value)}
	case *types.AttributeValueMemberN:
		return [][]byte{[]byte(v.Value)}
	case *types.AttributeValueMemberB:
		return [][]byte{v.Value}
	case *types.AttributeValueMemberSS:
		var all [][]byte
		for _, s := range v.Value {
			all = append(all, []byte(s))
		}
		return all
	case *types.AttributeValueMemberL:
		var all [][]byte
		for _, e := range v.Value {
			all = append(all, flat(e)...)
		}
		return all
	case *types.AttributeValueMemberM:
		var all [][]byte
		for name, e := range v.Value {
			all = append(append(all, []byte(name)), flat(e)...)
		}
		return all
	}
	return nil
}

// The search of the leak test finds stored values of every type.
func TestFlatFindsWhatIsStored(t *testing.T) {
	it := dynamo.Item{"a": dynamo.Texts([]string{"x"}), "b": dynamo.Bytes([]byte("y")), "c": &types.AttributeValueMemberSS{Value: []string{"z"}}}
	got := bytes.Join(flat(&types.AttributeValueMemberM{Value: it}), nil)
	for _, want := range "xyz" {
		if !bytes.ContainsRune(got, want) {
			t.Errorf("flat = %q, want %q in it", got, want)
		}
	}
}

// Normalize accepts a code as users type it.
func TestNormalize(t *testing.T) {
	const code = "k3t7zq2amm5dx6vb"
	tests := map[string]string{
		"123456": "123456", " 123 456\t": "123456", "123-456": "123456", "123\u00a0456": "123456",
		"k3t7-zq2a-mm5d-x6vb": code, "K3T7 ZQ2A MM5D X6VB": code, "k3t7–zq2a—mm5d‑x6vb": code, code: code,
		"": "", "12345": "", "1234567": "", "12345x": "", "k3t7-zq2a-mm5d-x6v0": "", "k3t7-zq2a-mm5d-x6vbb": "",
		"123456\x00": "", "１２３４５６": "", "-------": "", "K3T7ZQ2AMM5DX6V\u212a": "", strings.Repeat(" ", 60) + "123456": "",
	}
	for typed, want := range tests {
		if got := otp.Normalize(typed); got != want {
			t.Errorf("Normalize(%q) = %q, want %q", typed, got, want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"123456", " 123-456 ", "k3t7-zq2a-mm5d-x6vb", "K3T7 ZQ2A MM5D X6VB", "", "\xff123456", "12345\u2028 6", "１２３４５６"} {
		f.Add(seed)
	}
	canonical := regexp.MustCompile(`^([0-9]{6}|[a-z2-7]{16})$`)
	f.Fuzz(func(t *testing.T, typed string) {
		code := otp.Normalize(typed)
		if code == "" {
			return
		}
		if !canonical.MatchString(code) {
			t.Errorf("Normalize(%q) = %q, want a code in its one spelling", typed, code)
		}
		if again := otp.Normalize(code); again != code {
			t.Errorf("Normalize(%q) = %q, want the same", code, again)
		}
	})
}

func FuzzParseSecret(f *testing.F) {
	for _, seed := range []string{annSecret, strings.ToLower(annSecret), annSecret + "=", "", annSecret[:31] + "\n", annSecret[:31] + "1", strings.Repeat("\n", 32)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := otp.ParseSecret(text)
		if err != nil {
			if !errors.Is(err, otp.ErrSecret) {
				t.Errorf("ParseSecret(%q) = %v, want ErrSecret", text, err)
			}
			return
		}
		if secret.Text() != text {
			t.Errorf("ParseSecret(%q) is the secret %q, want one spelling", text, secret.Text())
		}
	})
}
