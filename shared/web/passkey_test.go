package web_test

import (
	"os"
	"strings"
	"testing"
)

// The script of passkeys stands in every page that uses one, so it is small, asks no
// server for anything, makes no markup or code of texts, and does not end the element
// that it stands in.
func TestPasskeyScript(t *testing.T) {
	data, err := os.ReadFile("passkey.js")
	if err != nil {
		t.Fatal(err)
	}
	script := string(data)
	if len(script) > 2560 {
		t.Errorf("passkey.js has %d bytes, want at most 2560", len(script))
	}
	for _, never := range []string{
		"fetch", "XMLHttpRequest", "sendBeacon", "WebSocket", "import", "eval", "Function(", "setTimeout", "HTML", "document.write", "</", "<!--",
	} {
		if strings.Contains(script, never) {
			t.Errorf("passkey.js says %q", never)
		}
	}
}
