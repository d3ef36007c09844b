package passkey

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
)

const (
	// unnamed is the name of a passkey without a name.
	unnamed = "Passkey"
	// maxName is the length of the longest name, in characters.
	maxName = 60
)

// CleanName returns a text as the name of a passkey: printable characters, with single
// spaces between words and at most 60 characters. The result may be empty.
func CleanName(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
	name := []rune(strings.Join(strings.Fields(text), " "))
	return strings.TrimSpace(string(name[:min(len(name), maxName)]))
}

// DefaultName returns the name of a passkey that the user did not name: its password
// manager, if known, "Security key" for a roaming authenticator, or else the device at
// which it was made, such as "Firefox on Linux".
func DefaultName(p *Passkey, device string) string {
	if keeper := keepers[hex.EncodeToString(p.AAGUID)]; keeper != "" {
		return keeper
	}
	roaming := slices.Contains(p.Transports, "usb") || slices.Contains(p.Transports, "nfc")
	if roaming && !slices.Contains(p.Transports, "internal") && !slices.Contains(p.Transports, "hybrid") {
		return "Security key"
	}
	return cmp.Or(CleanName(device), unnamed)
}

// keepers are the most common password managers, by AAGUID.
var keepers = map[string]string{
	"08987058cadc4b81b6e130de50dcbe96": "Windows Hello",
	"6028b017b1d44c02b4b3afcdafc96bb2": "Windows Hello",
	"9ddd1817af5a4672a2b93e3dd95000a9": "Windows Hello",
	"fbfc3007154e4ecc8c0b6e020557d7bd": "Apple Passwords",
	"dd4ec289e01d41c9bb8970fa845d4bf2": "Apple Passwords",
	"ea9b8d664d011d213ce4b6b48cb575d4": "Google Password Manager",
	"53414d53554e47000000000000000000": "Samsung Pass",
	"adce000235bcc60a648b0b25f1f05503": "Chrome on macOS",
	"771b48fdd3d44f749232fc157ab0507a": "Edge on macOS",
	"bada5566a7aa401fbd9645619a55120d": "1Password",
	"d548826e79b44db0a3d811116f7e8349": "Bitwarden",
	"531126d6e717415c93203d9aa6981239": "Dashlane",
	"0ea242b443c44a1b8b17dd6d0b6baec6": "Keeper",
	"fdb141b25d84443e8a354698c205a502": "KeePassXC",
	"b84e404815dc4dd08640f4f60813c8af": "NordPass",
	"f38095407f1449c1a8b38f813b225541": "Enpass",
	"50726f746f6e5061737350726f746f6e": "Proton Pass",
}
