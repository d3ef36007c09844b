package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/child"
	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/local/lock"
)

// writer is the variable that makes the test binary write numbered items into the
// database at its value. It prints each number that is acknowledged.
const writer = "ENGINE_TEST_WRITER"

// name is the table of these tests.
const name = "items"

func TestMain(m *testing.M) {
	if path := os.Getenv(writer); path != "" {
		write(path)
	}
	os.Exit(m.Run())
}

func write(path string) {
	e, err := engine.Start(context.Background(), engine.Options{Path: path})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	db := engine.Client(e.URL())
	if err := engine.CreateTable(context.Background(), db, contract.Tables[0], name); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("engine", e.PID())
	for i := 0; ; i++ {
		_, err := db.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: new(name), Item: key(i)})
		if err != nil {
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

func key(i int) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		contract.PK: &types.AttributeValueMemberS{Value: "p"},
		contract.SK: &types.AttributeValueMemberS{Value: strconv.Itoa(i)},
	}
}

func start(t *testing.T, o engine.Options) *engine.Engine {
	t.Helper()
	e, err := engine.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestDataSurvivesClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	first := start(t, engine.Options{Path: path})
	db := engine.Client(first.URL())
	if err := engine.CreateTable(t.Context(), db, contract.Tables[0], name); err != nil {
		t.Fatal(err)
	}
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new(name), Item: key(1)}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	first.Close()
	if took := time.Since(began); took > 700*time.Millisecond {
		t.Errorf("Close took %v, want at most 0.5 s", took)
	}
	if child.Alive(first.PID()) {
		t.Errorf("engine %d runs after Close", first.PID())
	}
	db = engine.Client(start(t, engine.Options{Path: path}).URL())
	got, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new(name), Key: key(1)})
	if err != nil || len(got.Item) == 0 {
		t.Errorf("after a restart GetItem = %v, %v, want the item", got, err)
	}
}

func TestKillLosesNoAcknowledgedWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	runner := exec.Command(os.Args[0])
	runner.Env = append(os.Environ(), writer+"="+path)
	out, err := runner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	pid, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "engine "))
	if err != nil {
		t.Fatalf("the writer said %q, want its engine's id", lines.Text())
	}
	time.AfterFunc(300*time.Millisecond, func() { _ = runner.Process.Kill() })
	acknowledged := 0
	for lines.Scan() {
		acknowledged++
	}
	_ = runner.Wait()
	if acknowledged == 0 {
		t.Fatal("the writer wrote nothing")
	}
	// Start itself must wait for the end of the killed engine.
	db := engine.Client(start(t, engine.Options{Path: path}).URL())
	if child.Alive(pid) {
		t.Errorf("engine %d outlived its killed runner", pid)
	}
	for i := range acknowledged {
		got, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new(name), Key: key(i)})
		if err != nil || len(got.Item) == 0 {
			t.Fatalf("acknowledged item %d of %d is lost: %v", i, acknowledged, err)
		}
	}
}

func TestSecondEngineOfADatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	first := start(t, engine.Options{Path: path})
	_, err := engine.Start(t.Context(), engine.Options{Path: path})
	if held, ok := errors.AsType[*lock.HeldError](err); !ok || held.PID != first.PID() {
		t.Errorf("second Start = %v, want a HeldError that names process %d", err, first.PID())
	}
}

func TestBrokenDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := engine.Start(t.Context(), engine.Options{Path: path})
	if err == nil || !strings.Contains(err.Error(), "not a valid SQLite database") {
		t.Errorf("Start = %v, want what the engine said", err)
	}
	again, err := lock.Take(path + ".lock")
	if err != nil {
		t.Fatalf("the lock is held after a failed start: %v", err)
	}
	again.Release()
}

func TestEnginesThatStartTogetherHaveTheirOwnPorts(t *testing.T) {
	var all sync.WaitGroup
	urls := make(chan string, 10)
	for range cap(urls) {
		all.Go(func() {
			e, err := engine.Start(t.Context(), engine.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			urls <- e.URL()
			t.Cleanup(e.Close)
		})
	}
	all.Wait()
	close(urls)
	seen := map[string]bool{}
	for url := range urls {
		if seen[url] {
			t.Errorf("two engines at %s", url)
		}
		seen[url] = true
	}
}

func TestEndpointOfTheEnvironmentIsUsedAndNotStopped(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	t.Setenv(engine.EnvEndpoint, server.URL+"/")
	t.Setenv(engine.EnvBinary, "/no/such/binary")
	e := start(t, engine.Options{})
	if e.URL() != server.URL || e.PID() != 0 {
		t.Errorf("URL, PID = %s, %d, want %s, 0", e.URL(), e.PID(), server.URL)
	}
	e.Close()
	if _, err := net.Dial("tcp", server.Listener.Addr().String()); err != nil {
		t.Errorf("Close touched a foreign engine: %v", err)
	}
	server.Close()
	_, err := engine.Start(t.Context(), engine.Options{})
	if err == nil || !strings.Contains(err.Error(), engine.EnvEndpoint) || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("Start = %v, want an error that names the variable and %s", err, server.URL)
	}
}
