package main

import (
	"os"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
)

func TestDemo(t *testing.T) {
	dir := t.TempDir()
	first, err := newDemo(dir, "http://localhost:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.write(); err != nil {
		t.Fatal(err)
	}
	doc, err := first.document()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range doc.Clients {
		if len(c.Secrets) != 1 {
			t.Errorf("client %s has %d secrets, want 1", c.ID, len(c.Secrets))
		}
	}
	if got, want := doc.Clients[0].Secrets[0].SHA256, client.HashSecret(first.get("CLIENT_SECRET")).SHA256; got != want {
		t.Errorf("hash of the demo client = %x, want %x", got, want)
	}
	// Whatever somebody did to the file, its good secrets stay and the others
	// are made again.
	text, err := os.ReadFile(first.path)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(text), first.get("RS_CLIENT_SECRET"), "tss_mistyped", 1)
	if err := os.WriteFile(first.path, []byte(broken+"\nwords\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := newDemo(dir, "http://localhost:2")
	if err != nil {
		t.Fatal(err)
	}
	if first.get("CLIENT_SECRET") != second.get("CLIENT_SECRET") || first.get("RS_CLIENT_SECRET") == second.get("RS_CLIENT_SECRET") {
		t.Errorf("secrets %v became %v, want only the broken one changed", first.values, second.values)
	}
	if second.get("ISSUER") != "http://localhost:2" || !client.ValidSecret(second.get("RS_CLIENT_SECRET")) {
		t.Errorf("values = %v", second.values)
	}
}
