package httpapi_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client/document"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

// early is the error of a store for an attempt that comes too early.
func early(wait time.Duration) error { return &throttle.LimitError{RetryAfter: wait} }

// TestLimitsOfStoresAreTooManyRequests: a handler returns the error of a store and
// nothing else.
func TestLimitsOfStoresAreTooManyRequests(t *testing.T) {
	for name, err := range map[string]error{
		"throttle":         early(90 * time.Second),
		"throttle, joined": errors.Join(errors.New("sign in"), fmt.Errorf("reserve: %w", early(90*time.Second))),
		"document":         &document.LimitError{RetryAfter: 89*time.Second + time.Millisecond},
	} {
		rt, log := route(post, func(http.ResponseWriter, *http.Request) error { return err })
		res := serve(rt, form(""))
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 429 || res.Header.Get("Retry-After") != "90" || !strings.Contains(string(body), "wait as long as Retry-After says") {
			t.Errorf("%s: answer = %d, Retry-After %q, %s", name, res.StatusCode, res.Header.Get("Retry-After"), body)
		}
		for _, want := range []string{`"Throttled":1`, `"code":"temporarily_unavailable"`, `"Refusals":1`, err.Error()[:7]} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: log %q lacks %s", name, log, want)
			}
		}
	}
}

// TestPageShownAgain: a page answers 400 with its own code, and 429 with a wait when
// the attempt came too early.
func TestPageShownAgain(t *testing.T) {
	for _, tt := range []struct {
		why    error
		status int
		wait   time.Duration
		after  string
		log    []string
		not    string
	}{
		{errors.New("wrong"), 400, 0, "", []string{`"code":"invalid_grant"`, `"error":"wrong"`}, "Throttled"},
		{early(7 * time.Second), 429, 7 * time.Second, "7", []string{`"code":"temporarily_unavailable"`, `"Throttled":1`}, "invalid_grant"},
	} {
		rt, log := route(post, func(w http.ResponseWriter, r *http.Request) error {
			status, wait := httpapi.Again(w, r, oauth.InvalidGrant, tt.why)
			if wait != tt.wait {
				t.Errorf("Again(%v) waits %v, want %v", tt.why, wait, tt.wait)
			}
			w.WriteHeader(status)
			return nil
		})
		res := serve(rt, form(""))
		if res.StatusCode != tt.status || res.Header.Get("Retry-After") != tt.after {
			t.Errorf("%v: answer = %d, Retry-After %q; want %d, %q", tt.why, res.StatusCode, res.Header.Get("Retry-After"), tt.status, tt.after)
		}
		for _, want := range tt.log {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%v: log %q lacks %s", tt.why, log, want)
			}
		}
		if strings.Contains(log.String(), tt.not) {
			t.Errorf("%v: log %q has %s", tt.why, log, tt.not)
		}
	}
}

// TestNoHandlerUnpacksALimit: the shared steps alone know how long to wait.
func TestNoHandlerUnpacksALimit(t *testing.T) {
	files := 0
	for _, root := range []string{".", "../route"} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			source, err := os.ReadFile(path)
			if strings.Contains(string(source), "errors.AsType[*throttle.") || strings.Contains(string(source), "errors.AsType[*document.LimitError]") {
				t.Errorf("%s unpacks a limit error: return it, or use httpapi.Again", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Errorf("%d files were read: the folders are not where this test looks", files)
	}
}
