package browser_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// TestEveryPageIsAccessibleAndFits looks at every page in every state. With SCREENSHOTS
// it writes a picture of each to that folder.
func TestEveryPageIsAccessibleAndFits(t *testing.T) {
	t.Parallel()
	pages := webtest.Gallery()
	given := map[string]any{"base": hang(t, pages), "pages": slices.Sorted(maps.Keys(pages))}
	given["screenshots"] = screenshots(t)
	var findings []string
	script(t, "audit.mjs", given, &findings)
	for _, finding := range findings {
		t.Error(finding)
	}
}

// TestAuditFindsEveryKindOfFault runs the audit on a page with one fault of each kind.
func TestAuditFindsEveryKindOfFault(t *testing.T) {
	t.Parallel()
	const page = `<!doctype html><html lang="en"><title>t</title><meta name="viewport" content="width=device-width">
<style>a:focus{outline:none}p{color:#999;background:#aaa}div{width:2000px}</style>
<main><h1>t</h1><p>pale</p><div>wide</div><a href="/">home</a><button tabindex="1">first</button><input><img src="/far.png" alt=""></main>
<script>console.error("noise")</script></html>`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page))
	}))
	defer server.Close()
	var findings []string
	script(t, "audit.mjs", map[string]any{"base": server.URL, "pages": []string{"bad"}}, &findings)
	all := strings.Join(findings, "\n")
	for _, want := range []string{"color-contrast", "label:", "scrolls sideways", "no focus is seen", "instead of", "far.png", "noise"} {
		if !strings.Contains(all, want) {
			t.Errorf("the audit of a bad page does not report %q:\n%s", want, all)
		}
	}
}

// screenshots returns the folder for pictures, or an empty string for none.
func screenshots(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return ""
	}
	folder, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// hang serves the pages until t ends and returns the address above them.
func hang(t *testing.T, pages map[string]web.Page) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		web.Render(w, http.StatusOK, page)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
