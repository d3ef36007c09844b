package device_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/device"
)

func TestParseUserCode(t *testing.T) {
	const want = device.UserCode("WDJBMJHT")
	for _, typed := range []string{
		"WDJB-MJHT", "WDJBMJHT", "wdjb-mjht", "wdjbmjht", "WdJb MjHt", " WDJB-MJHT ", "WDJB MJHT", "W D J B M J H T", "-WDJB--MJHT-",
		"WDJB\u2013MJHT", "WDJB\u2014MJHT", "WDJB\u2011MJHT", "WDJB\u2212MJHT", "WDJB\u00a0MJHT", "WDJB\tMJHT\r\n", "WDJB\u2003MJHT",
	} {
		if got, err := device.ParseUserCode(typed); err != nil || got != want || got.String() != "WDJB-MJHT" {
			t.Errorf("ParseUserCode(%q) = %q, %v, want %q", typed, got, err, want)
		}
	}
	for _, typed := range []string{"", " ", "-", "WDJB-MJH", "WDJB-MJHTB", "WDJB-MJHT-WDJB-MJHT", strings.Repeat("B", 101), strings.Repeat(" ", 93) + "WDJBMJHT"} {
		if got, err := device.ParseUserCode(typed); !errors.Is(err, device.ErrLength) || got != "" {
			t.Errorf("ParseUserCode(%q) = %q, %v, want ErrLength", typed, got, err)
		}
	}
}

// Look-alikes of letters are refused: vowels and digits, and letters of other
// alphabets, even if folding their case gives one of ours.
func TestLookAlikesAreRefused(t *testing.T) {
	for _, typed := range []string{
		"WDJB-MJH1", "WDJB-MJH0", "WD18-MJHT", "2DJB-MJHT", "WDJ8-MJHT", "5DJB-MJHT", "WDJB-MJHI", "WDJB-MJHO", "WDJB-MJHE", "ADJB-MJHT", "UDJB-MJHT",
		"WDJB-MJHY", "WDJB_MJHT", "WDJB.MJHT", "WDJB/MJHT", "WDJB+MJHT", "WDJB%2DMJHT", "WDJB\x00MJHT", "<b>BCDFGH",
		"\u0412DJB-MJHT",       // Cyrillic Ve
		"WDJB-\u041cJHT",       // Cyrillic Em
		"WDJB-MJH\u03a4",       // Greek Tau
		"\uff37DJB-MJHT",       // full width
		"WDJB-MJ\u212aT",       // the sign of the kelvin, which folds to k
		"WDJB-MJ\u017fT",       // the long s, which folds to S
		"WDJ\u200bB-MJHT",      // nothing at all
		"WDJB\xffMJHT", "\xc3", // no UTF-8
	} {
		if got, err := device.ParseUserCode(typed); !errors.Is(err, device.ErrLetters) || got != "" {
			t.Errorf("ParseUserCode(%q) = %q, %v, want ErrLetters", typed, got, err)
		}
	}
}

// Every accepted code consists of the letters, and its other spellings give the same
// code.
func FuzzParseUserCode(f *testing.F) {
	for _, seed := range []string{"WDJB-MJHT", "wdjb mjht", "WDJB\u2013MJHT", "0OI1", "", "\xff", "W\u0130JB-MJHT"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, err := device.ParseUserCode(typed)
		if err != nil {
			if code != "" || !errors.Is(err, device.ErrLetters) && !errors.Is(err, device.ErrLength) {
				t.Errorf("ParseUserCode(%q) = %q, %v, want no code and a reason", typed, code, err)
			}
			return
		}
		if len(code) != device.CodeLength || strings.Trim(string(code), device.Letters) != "" {
			t.Errorf("ParseUserCode(%q) = %q, want %d of %s", typed, code, device.CodeLength, device.Letters)
		}
		for _, again := range []string{code.String(), strings.ToLower(code.String()), string(code)} {
			if got, err := device.ParseUserCode(again); err != nil || got != code {
				t.Errorf("ParseUserCode(%q) = %q, %v, want %q as from %q", again, got, err, code, typed)
			}
		}
		letters := 0
		for _, c := range strings.ToUpper(typed) {
			if strings.ContainsRune(device.Letters, c) {
				letters++
			}
		}
		if letters != device.CodeLength {
			t.Errorf("ParseUserCode(%q) = %q, want none: %d letters were typed", typed, code, letters)
		}
	})
}
