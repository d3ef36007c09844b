package opaque_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/opaque"
)

var kinds = []opaque.Kind{opaque.ClientSecret, opaque.RefreshToken, opaque.LoginCookie}

func TestRoundTrip(t *testing.T) {
	for _, k := range kinds {
		for n := range 100 {
			payload := bytes.Repeat([]byte{0xa7}, n)
			text := opaque.Write(k, payload)
			got, err := opaque.Read(k, text)
			if err != nil || !bytes.Equal(got, payload) {
				t.Errorf("Read(%q) = %x, %v, want %x", text, got, err, payload)
			}
			if !strings.HasPrefix(text, string(k)) {
				t.Errorf("Write = %q, want the prefix %s", text, k)
			}
		}
	}
}

// The vectors are those of zlib's crc32, in base62 by an independent program.
func TestChecksum(t *testing.T) {
	for text, want := range map[string]string{
		"": "000000",
		"tss_0000000000000000000000000000000000000000000": "3MWcIl",
	} {
		if got := opaque.Checksum(text); got != want {
			t.Errorf("Checksum(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestBase62(t *testing.T) {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, number := range [][]byte{{}, {0}, {61}, {62}, {0xff}, {1, 0}, bytes.Repeat([]byte{0xff}, 32)} {
		want := new(big.Int).SetBytes(number)
		text := opaque.Base62(bytes.Clone(number), 43)
		got := new(big.Int)
		for _, c := range text {
			got.Mul(got, big.NewInt(62)).Add(got, big.NewInt(int64(strings.IndexRune(digits, c))))
		}
		if len(text) != 43 || got.Cmp(want) != 0 {
			t.Errorf("Base62(%x) = %q, which is %v, want %v", number, text, got, want)
		}
	}
}

// A handle has one spelling, in one kind.
func TestReadRefuses(t *testing.T) {
	payload := []byte("thirty-two bytes, and two more here")[:34] // ends in half a digit
	text := opaque.Write(opaque.RefreshToken, payload)
	sum := func(body string) string { return body + opaque.Checksum(body) }
	body := text[:len(text)-opaque.ChecksumDigits]
	last := body[len(body)-1]
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	loose := digits[strings.IndexByte(digits, last)|1]
	tests := map[string]string{
		"empty": "", "prefix": "tsr_", "short": "tsr_00000", "no prefix": text[4:],
		"wrong checksum":             body + "000000",
		"padding":                    sum(body + "="),
		"line end, summed":           sum(body[:10] + "\n" + body[10:]),
		"line end behind":            text + "\n",
		"other base64":               sum("tsr_" + base64.RawStdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 30))),
		"bits that mean nothing":     sum(body[:len(body)-1] + string(loose)),
		"longer than anything of us": opaque.Write(opaque.RefreshToken, make([]byte, opaque.MaxLength)),
	}
	for name, bad := range tests {
		if got, err := opaque.Read(opaque.RefreshToken, bad); !errors.Is(err, opaque.ErrMalformed) {
			t.Errorf("%s: Read(%q) = %x, %v, want ErrMalformed", name, bad, got, err)
		}
	}
	for i := range text {
		if got, err := opaque.Read(opaque.RefreshToken, text[:i]); !errors.Is(err, opaque.ErrMalformed) {
			t.Errorf("Read(%q) = %x, %v, want ErrMalformed", text[:i], got, err)
		}
	}
	for _, k := range kinds {
		for _, other := range kinds {
			if _, err := opaque.Read(other, opaque.Write(k, payload)); (err == nil) != (k == other) {
				t.Errorf("Read(%s) of a %s = %v", other, k, err)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	good := opaque.Write(opaque.RefreshToken, []byte("some payload"))
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add("tsr_000000")
	f.Add("tsr_\n000000")
	f.Fuzz(func(t *testing.T, text string) {
		payload, err := opaque.Read(opaque.RefreshToken, text)
		if err == nil && opaque.Write(opaque.RefreshToken, payload) != text {
			t.Errorf("Read(%q) accepts a second spelling of %x", text, payload)
		}
		if err != nil && payload != nil {
			t.Errorf("Read(%q) = %x with an error", text, payload)
		}
	})
}
