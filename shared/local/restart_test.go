package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/child"
	"github.com/tipstaff/tipstaff/shared/local/localtest"
)

func TestDataAndSecretsSurviveARestart(t *testing.T) {
	o := localtest.Options(t)
	s := start(t, o)
	post(t, s.BaseURL()+"/items", "kept")
	before := secret(t, s)
	if before != localtest.Rotated || s.Invocations("rotate") != 4 {
		t.Errorf("the secret is %q after %d steps, want it rotated in 4", before, s.Invocations("rotate"))
	}
	if state, err := local.ReadState(o.Dir); err != nil || state.URL != s.BaseURL() || state.PID != os.Getpid() || state.Stage != "test" {
		t.Errorf("state = %+v, %v", state, err)
	}
	s.Close()
	if _, err := local.ReadState(o.Dir); !errors.Is(err, local.ErrNotRunning) {
		t.Errorf("after Close ReadState = %v, want ErrNotRunning", err)
	}

	s = start(t, o)
	found, err := s.DynamoDB().GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new("tipstaff-test-sessions"), Key: localtest.Item("kept")})
	if err != nil || found.Item == nil {
		t.Errorf("after a restart an operator finds %v, %v, want the item", found, err)
	}
	if after := secret(t, s); after != before || s.Invocations("rotate") != 0 {
		t.Errorf("after a restart the secret is %q and rotated %d steps, want %q and 0", after, s.Invocations("rotate"), before)
	}
}

// A secret without a rotation keeps the value of an operator. A stack of an earlier
// release, which did not have the secret, gets it.
func TestSecretWithoutRotationKeepsItsValue(t *testing.T) {
	const name = "tipstaff-test-upstreams"
	o := localtest.Options(t)
	s := start(t, o)
	if made := secretOf(t, s, name); !strings.HasPrefix(made, `{"format":"tipstaff-upstreams/1","seed":"`) {
		t.Errorf("the secret is %q at first, want the format and a seed", made)
	}
	const value = `{"format":"tipstaff-upstreams/1","client_secrets":{"google":"kept"}}`
	if _, err := s.SecretsManager().PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: new(name), SecretString: new(value)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SecretsManager().RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: new(name)}); err == nil {
		t.Error("the secret can be rotated")
	}
	s.Close()
	s = start(t, o)
	if after := secretOf(t, s, name); after != value {
		t.Errorf("the secret is %q after a restart, want %q", after, value)
	}
	s.Close()

	path := filepath.Join(o.Dir, "secrets.json")
	var all map[string]json.RawMessage
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil || len(all) != 2 {
		t.Fatalf("%s holds %d secrets, %v, want 2", path, len(all), err)
	}
	delete(all, name)
	if data, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, o)
	if made := secretOf(t, s, name); strings.Contains(made, "kept") || secret(t, s) != localtest.Rotated {
		t.Errorf("the secret of an older stack is %q, want a new one and the keys as they were", made)
	}
}

func secret(t *testing.T, s *local.Stack) string {
	t.Helper()
	return secretOf(t, s, "tipstaff-test-keys")
}

func secretOf(t *testing.T, s *local.Stack, name string) string {
	t.Helper()
	v, err := s.SecretsManager().GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		t.Fatal(err)
	}
	return *v.SecretString
}

func TestInterruptedRotationRunsAgain(t *testing.T) {
	o := localtest.Options(t)
	rotate := filepath.Join(o.Binaries, "rotate", "bootstrap")
	self, err := os.Readlink(rotate)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, rotate, func() error { return os.WriteFile(rotate, []byte("#!/bin/sh\necho no keys today; exit 7\n"), 0o700) })
	_, err = local.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "createSecret") || !strings.Contains(err.Error(), "no keys today") {
		t.Fatalf("Start = %v, want the step and the last words of the function", err)
	}
	replace(t, rotate, func() error { return os.Symlink(self, rotate) })
	if s := start(t, o); secret(t, s) != localtest.Rotated {
		t.Errorf("the secret is %q, want it rotated", secret(t, s))
	}
}

func replace(t *testing.T, path string, create func() error) {
	t.Helper()
	if err := errors.Join(os.Remove(path), create()); err != nil {
		t.Fatal(err)
	}
}

// One running request ends in time, the other does not.
func TestCloseFinishesShortRequestsAndEndsAllProcesses(t *testing.T) {
	s := start(t, localtest.Options(t))
	statuses := make(chan int, 2)
	for _, sleep := range []string{"500ms", "1m"} {
		go func() {
			r, err := http.Get(s.BaseURL() + "/sleep?" + sleep)
			if err != nil {
				statuses <- 0
				return
			}
			_ = r.Body.Close()
			statuses <- r.StatusCode
		}()
	}
	for s.Invocations("echo") < 2 || len(s.PIDs("echo")) < 2 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // Both processes have their event now.
	pids := s.PIDs("echo")
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v, want at most 2 s", took)
	}
	if got := []int{<-statuses, <-statuses}; !slices.Contains(got, 200) {
		t.Errorf("the requests at work got %v, want 200 for the short one", got)
	}
	for _, pid := range pids {
		if child.Alive(pid) {
			t.Errorf("process %d outlived Close", pid)
		}
	}
	s.Close()
}

func TestEngineThatEndsIsNoticed(t *testing.T) {
	o := localtest.Options(t)
	s := start(t, o)
	pid, err := os.ReadFile(filepath.Join(o.Dir, "dynamodb.db.lock"))
	if err != nil {
		t.Fatal(err)
	}
	engine, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(engine)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "database engine") {
		t.Errorf("Wait = %v, want the end of the engine", err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	s := start(t, localtest.Options(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx); err != nil {
		t.Errorf("Wait = %v, want nil", err)
	}
}
