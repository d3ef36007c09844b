package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/local/localtest"
)

func put(url, item string) error {
	r, err := http.Post(url+"/items", "text/plain", strings.NewReader(item))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", r.StatusCode)
	}
	return nil
}

func TestRunSaysWhatItDoes(t *testing.T) {
	o := localtest.Options(t)
	p := tipstaffRun(t, o)
	said, url := p.serving(t)
	for _, want := range []string{"3 of them new", "first keys", "demo clients and user, 7 changes", "curl -s -u demo:tss_", url + "/introspect", url + "/login", url + "/refresh", url + "/jwks", "front page        " + url + "/\n", "mail              " + filepath.Join(o.Dir, "mail") + "\n", ". " + filepath.Join(o.Dir, "demo.env")} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q but %q", want, said)
		}
	}
	info, err := os.Stat(filepath.Join(o.Dir, "demo.env"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("demo.env: %v, %v, want mode 0600", info, err)
	}
	// The file must be enough for a shell, and its variables reach programs.
	script := `. "$1" && env | grep -E '^(ISSUER|CLIENT_ID|CLIENT_SECRET|RS_CLIENT_ID|RS_CLIENT_SECRET|RESOURCE|SCOPE|OPERATOR_CLIENT_ID|OPERATOR_CLIENT_SECRET|APP_CLIENT_ID|USER_NAME|USER_PASSWORD)=' | sort`
	shell := exec.Command("/bin/sh", "-c", script, "sh", filepath.Join(o.Dir, "demo.env"))
	first, err := shell.Output()
	if err != nil || bytes.Count(first, []byte("\n")) != 12 || !bytes.Contains(first, []byte("ISSUER="+url+"\n")) {
		t.Errorf("a shell reads %q, %v, want twelve variables", first, err)
	}

	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.end(t); code != 0 {
		t.Fatalf("SIGTERM: exit status %d, %s", code, p.stderr.String())
	}
	p = tipstaffRun(t, o)
	said, again := p.serving(t)
	if !strings.Contains(said, "demo clients and user, 0 changes") || strings.Contains(said, "first keys") {
		t.Errorf("the second start says %q, want no changes", said)
	}
	second, err := exec.Command("/bin/sh", "-c", script, "sh", filepath.Join(o.Dir, "demo.env")).Output()
	if err != nil || strings.ReplaceAll(string(second), again, url) != string(first) {
		t.Errorf("the second start gives %q, %v, want the same secrets %q", second, err, first)
	}
}

func TestRunStops(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			o := localtest.Options(t)
			p := tipstaffRun(t, o)
			_, url := p.serving(t)
			if err := put(url, "x"); err != nil {
				t.Fatal(err)
			}
			children := p.children(t)
			if len(children) < 2 {
				t.Fatalf("children = %v, want an engine and a function at least", children)
			}
			go func() { _, _ = http.Get(url + "/sleep?1m") }() // One that will not be done in time.
			time.Sleep(100 * time.Millisecond)
			children = append(children, p.children(t)...)
			began := time.Now()
			if err := p.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if code := p.end(t); code != 0 {
				t.Errorf("exit status %d, want 0; %s", code, p.stderr.String())
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("the stop took %v, want at most 2 s", took)
			}
			expectGone(t, children)
			if _, err := local.ReadState(o.Dir); !errors.Is(err, local.ErrNotRunning) {
				t.Errorf("ReadState = %v, want ErrNotRunning", err)
			}
		})
	}
}

// TestRunKilled kills the runner in the middle of writes, twice on one folder.
func TestRunKilled(t *testing.T) {
	o := localtest.Options(t)
	acknowledged := 0
	for range 2 {
		p := tipstaffRun(t, o)
		_, url := p.serving(t)
		if err := put(url, strconv.Itoa(acknowledged)); err != nil {
			t.Fatal(err)
		}
		acknowledged++
		children := p.children(t)
		time.AfterFunc(300*time.Millisecond, func() { _ = p.Process.Kill() })
		for put(url, strconv.Itoa(acknowledged)) == nil {
			acknowledged++
		}
		if code := p.end(t); code != -1 {
			t.Fatalf("exit status %d, want none after a kill", code)
		}
		expectGone(t, children)
		if _, err := local.ReadState(o.Dir); !errors.Is(err, local.ErrNotRunning) {
			t.Errorf("ReadState = %v, want ErrNotRunning", err)
		}
	}
	if acknowledged < 10 {
		t.Fatalf("only %d writes were acknowledged", acknowledged)
	}
	p := tipstaffRun(t, o)
	p.serving(t)
	state, err := local.ReadState(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	db := engine.Client(state.DynamoDB)
	for i := range acknowledged {
		got, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new("tipstaff-test-sessions"), Key: localtest.Item(strconv.Itoa(i))})
		if err != nil || got.Item == nil {
			t.Fatalf("acknowledged item %d of %d is lost: %v", i, acknowledged, err)
		}
	}
}

// TestRunRefuses: one sentence and exit status 1. What the sentences say is
// tested in package local.
func TestRunRefuses(t *testing.T) {
	o := localtest.Options(t)
	_, url := func() (string, string) { return tipstaffRun(t, o).serving(t) }()
	port := url[strings.LastIndex(url, ":")+1:]
	other := func(change func(*local.Options)) local.Options {
		o := localtest.Options(t)
		change(&o)
		return o
	}
	nothing := func(*local.Options) {}
	tests := []struct {
		name    string
		options local.Options
		args    []string
		want    string
	}{
		{"second start", o, nil, url},
		{"taken port", other(nothing), []string{"--port", port}, "port " + port + " is taken"},
		{"no templates", other(func(o *local.Options) { o.Templates = o.Dir }), nil, "no templates"},
		{"no binaries", other(func(o *local.Options) { o.Binaries = o.Dir }), nil, "binary of function"},
		{"no folder", other(func(o *local.Options) { o.Dir = filepath.Join(os.Args[0], "dir") }), nil, "cannot be used"},
		{"impossible port", other(nothing), []string{"--port", "70000"}, "port 70000"},
		{"an argument", other(nothing), []string{"fast"}, "fast"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := tipstaffRun(t, tt.options, tt.args...)
			code := p.end(t)
			said := p.stderr.String()
			if code != 1 || !strings.HasPrefix(said, "tipstaff: ") || strings.Count(said, "\n") != 1 || !strings.Contains(said, tt.want) {
				t.Errorf("exit status %d and %q, want 1 and a sentence with %q", code, said, tt.want)
			}
		})
	}
}

func TestPortOfTheEnvironment(t *testing.T) {
	tests := []struct {
		value string
		want  int
		bad   bool
	}{
		{"", 8080, false},
		{"9000", 9000, false},
		{"0", 0, false},
		{"http", 0, true},
		{"-1", 0, true},
		{"65536", 0, true},
	}
	for _, tt := range tests {
		t.Setenv(envPort, tt.value)
		got, err := portFromEnv()
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%s=%q: %d, %v, want %d", envPort, tt.value, got, err, tt.want)
		}
	}
}
