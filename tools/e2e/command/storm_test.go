package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKillInALoginStorm kills the stack with signal 9 while pages sign in and
// refresh as fast as they can, several times over one folder. After each restart
// every acknowledged answer holds. Every access token is active. Every session goes
// on with its last refresh token, even one that was in use during the kill.
func TestKillInALoginStorm(t *testing.T) {
	dir := checkout(t)
	r := run(t, dir)
	port := r.url[strings.LastIndexByte(r.url, ':')+1:] // the issuer of the tokens
	demo := readDemo(t, dir)
	sessions := 0
	begin, soak := time.Now(), soakFor(t)
	for round := 0; round < 3 || time.Since(begin) < soak; round++ {
		s := &storm{base: r.url, demo: demo}
		s.rage(t, r.process, 10+rand.N(20))
		sessions += len(s.acknowledged)
		t.Logf("round %d: %d sessions were acknowledged before the kill, %d of them refreshed", round, len(s.acknowledged), s.refreshed)
		r = runOn(t, dir, port)
		for _, held := range s.acknowledged {
			if err := s.goesOn(t.Context(), held); err != nil {
				t.Errorf("round %d, after the restart: %v", round, err)
			}
		}
	}
	if sessions < 30 {
		t.Errorf("%d sessions in all rounds, want more: is it still a storm?", sessions)
	}
}

// pages is how many browsers sign in at the same time.
const pages = 4

// storm is the shared state of the pages of one round.
type storm struct {
	base string
	demo map[string]string

	mu           sync.Mutex
	acknowledged []*held
	refreshed    int
}

// held is the last answer that a page has of a session.
type held struct{ access, cookie string }

// rage lets all pages sign in and refresh until the given number of sessions has been
// acknowledged. Then it kills the stack and waits for the pages.
func (s *storm) rage(t *testing.T, stack *os.Process, enough int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	reached, once := make(chan struct{}), sync.Once{}
	for range pages {
		all.Go(func() {
			device := "" // a known browser is throttled by its own failures only
			for {
				h, known, err := s.signIn(ctx, device)
				if err != nil {
					select {
					case <-reached: // the stack is being killed
					default:
						t.Errorf("sign-in before the kill: %v", err)
					}
					return
				}
				device = known
				s.mu.Lock()
				s.acknowledged = append(s.acknowledged, h)
				if len(s.acknowledged) == enough {
					once.Do(func() { close(reached) })
				}
				s.mu.Unlock()
				if rand.N(2) == 0 && s.refresh(ctx, h) == nil {
					s.mu.Lock()
					s.refreshed++
					s.mu.Unlock()
				}
			}
		})
	}
	stopped := make(chan struct{})
	go func() { all.Wait(); close(stopped) }()
	select {
	case <-reached:
	case <-stopped:
		t.Fatalf("%d sessions, and every page has given up", len(s.acknowledged))
	}
	if err := stack.Kill(); err != nil {
		t.Fatal(err)
	}
	<-stopped
}

// page sends a request as the demo application's page in a browser.
func (s *storm) page(ctx context.Context, path, cookie string, body []byte) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path+"?client_id="+s.demo["APP_CLIENT_ID"], bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Origin", "http://localhost:3000")
	r.Header.Set("X-Session-Refresh", "1")
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("POST %s = %d %s, want 200", path, res.StatusCode, answer)
	}
	return res, answer, err
}

// signIn returns a new session, and the cookie value of the known browser.
func (s *storm) signIn(ctx context.Context, device string) (*held, string, error) {
	body, err := json.Marshal(map[string]string{
		"client_id": s.demo["APP_CLIENT_ID"], "user_name": s.demo["USER_NAME"], "password": s.demo["USER_PASSWORD"],
	})
	if err != nil {
		return nil, "", err
	}
	res, answer, err := s.page(ctx, "/login", device, body)
	if err != nil {
		return nil, "", err
	}
	h := &held{}
	return h, cookie(res, "__Host-dev"), h.take(res, answer)
}

// refresh uses the cookie of a session and keeps the answer.
func (s *storm) refresh(ctx context.Context, h *held) error {
	res, answer, err := s.page(ctx, "/refresh", h.cookie, nil)
	if err != nil {
		return err
	}
	return h.take(res, answer)
}

func (h *held) take(res *http.Response, answer []byte) error {
	var issued struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(answer, &issued); err != nil {
		return err
	}
	h.access, h.cookie = issued.Access, cookie(res, "__Host-rt")
	if h.access == "" || h.cookie == "" {
		return fmt.Errorf("the answer %s has no access token, or no cookie came with it", answer)
	}
	return nil
}

func cookie(res *http.Response, name string) string {
	for _, c := range res.Cookies() {
		if c.Name == name {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}

// goesOn checks that the session is as its page knows it, and goes on.
func (s *storm) goesOn(ctx context.Context, h *held) error {
	if err := s.active(ctx, h.access); err != nil {
		return fmt.Errorf("the acknowledged token: %w", err)
	}
	if err := s.refresh(ctx, h); err != nil {
		return err
	}
	if err := s.active(ctx, h.access); err != nil {
		return fmt.Errorf("the renewed token: %w", err)
	}
	return nil
}

func (s *storm) active(ctx context.Context, access string) error {
	form := url.Values{"token": {access}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/introspect", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(s.demo["RS_CLIENT_ID"], s.demo["RS_CLIENT_SECRET"])
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && !bytes.Contains(answer, []byte(`"active":true`)) {
		err = fmt.Errorf("introspection = %d %s, want it active", res.StatusCode, answer)
	}
	return err
}

// readDemo reads the demo.env of a start.
func readDemo(t *testing.T, dir string) map[string]string {
	t.Helper()
	values := map[string]string{}
	text := read(t, filepath.Join(dir, ".local", "demo.env"))
	for _, m := range regexp.MustCompile(`(?m)^export (\w+)='(.*)'$`).FindAllStringSubmatch(text, -1) {
		values[m[1]] = m[2]
	}
	return values
}
