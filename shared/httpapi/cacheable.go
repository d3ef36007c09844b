package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// Document is a public JSON document that caches may keep.
type Document struct {
	body []byte
	etag string
}

// NewDocument makes a document of its JSON text.
func NewDocument(body []byte) *Document {
	sum := sha256.Sum256(body)
	return &Document{body: body, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// Write answers with the document, or with 304 when the client has it already
// (RFC 9110 §13.1.2).
func (d *Document) Write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Del("Pragma")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", d.etag)
	if matches(r.Header.Get("If-None-Match"), d.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(d.body) // the buffer of the response
}

// matches compares an If-None-Match list weakly.
func matches(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == etag || candidate == "*" {
			return true
		}
	}
	return false
}
