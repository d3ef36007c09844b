package iam

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Credentials are the credentials of a function: a key pair and the session token
// that belongs to it.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
}

// newCredentials returns random credentials in the form of those of a role session.
func newCredentials() Credentials {
	return Credentials{
		AccessKeyID:     "ASIA" + rand.Text()[:16],
		SecretAccessKey: rand.Text() + rand.Text(),
		SessionToken:    rand.Text() + rand.Text(),
	}
}

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	amzDate    = "20060102T150405Z"
)

// authorization is the parsed Authorization header of Signature Version 4.
type authorization struct {
	accessKey string
	date      string
	region    string
	service   string
	headers   []string
	signature string
}

// parseAuthorization reads
//
//	AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, SignedHeaders=a;b, Signature=<hex>
func parseAuthorization(header string) (authorization, bool) {
	var a authorization
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != terminator {
				return a, false
			}
			a.accessKey, a.date, a.region, a.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			a.headers = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a, a.accessKey != "" && len(a.headers) > 0 && a.signature != ""
}

// authenticate returns the caller of a request, or the refusal that AWS gives.
func (w *Wall) authenticate(r *http.Request, body []byte) (*caller, *refusal) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, missingToken()
	}
	a, ok := parseAuthorization(header)
	if !ok {
		return nil, incompleteSignature()
	}
	c := w.byKey[a.accessKey]
	if c == nil || !hmac.Equal([]byte(r.Header.Get("X-Amz-Security-Token")), []byte(c.credentials.SessionToken)) {
		return nil, unrecognizedClient()
	}
	// The operation stands in this header. A header that is not signed could have
	// been changed on the way.
	if a.region != w.place.Region || !slices.Contains(a.headers, "x-amz-target") || !w.signed(r, a, c, body) {
		return nil, invalidSignature()
	}
	return c, nil
}

// signed reports whether c signed the request. It signs the same headers and the
// same body with the secret of c and compares.
func (w *Wall) signed(r *http.Request, a authorization, c *caller, body []byte) bool {
	date, err := time.Parse(amzDate, r.Header.Get("X-Amz-Date"))
	if err != nil || date.Format("20060102") != a.date {
		return false
	}
	again := &http.Request{Method: r.Method, URL: r.URL, Host: r.Host, Header: make(http.Header, len(a.headers)+1)}
	for _, name := range a.headers {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			key := http.CanonicalHeaderKey(name)
			again.Header[key] = r.Header[key]
		}
	}
	// SignHTTP changes the URL, and the request must not change.
	u := *r.URL
	again.URL = &u
	hash := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: a.accessKey, SecretAccessKey: c.credentials.SecretAccessKey}
	err = w.signer.SignHTTP(context.Background(), credentials, again, hex.EncodeToString(hash[:]), a.service, a.region, date)
	if err != nil {
		return false
	}
	ours, ok := parseAuthorization(again.Header.Get("Authorization"))
	return ok && hmac.Equal([]byte(ours.signature), []byte(a.signature))
}
