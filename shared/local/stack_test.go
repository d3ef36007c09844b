package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/lambda"
	"github.com/tipstaff/tipstaff/shared/local/localtest"
)

func TestMain(m *testing.M) { localtest.Main(m) }

func start(tb testing.TB, o local.Options) *local.Stack {
	tb.Helper()
	s, err := local.Start(context.Background(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func get(tb testing.TB, url string) (status int, body string) {
	tb.Helper()
	return send(tb, http.MethodGet, url, "")
}

func post(tb testing.TB, url, text string) (status int, body string) {
	tb.Helper()
	return send(tb, http.MethodPost, url, text)
}

func send(tb testing.TB, method, url, text string) (status int, body string) {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, url, strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func TestFunctionHasOnlyTheVariablesOfItsTemplate(t *testing.T) {
	t.Setenv("HOME_OF_TESTS", "must not get through")
	s := start(t, localtest.Options(t))
	status, body := get(t, s.BaseURL()+"/anything")
	var list []string
	if err := json.Unmarshal([]byte(body), &list); status != 200 || err != nil {
		t.Fatalf("answer = %d %s", status, body)
	}
	env := map[string]string{}
	for _, entry := range list {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	want := map[string]string{
		"TIPSTAFF_ISSUER": s.BaseURL(), "TIPSTAFF_STAGE": "test", "AWS_REGION": "us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME": "tipstaff-test-echo", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "_HANDLER": "bootstrap",
		"HOME_OF_TESTS": "",
	}
	for name, value := range want {
		if env[name] != value {
			t.Errorf("%s = %q, want %q", name, env[name], value)
		}
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SECRETS_MANAGER"} {
		if env[name] == "" {
			t.Errorf("%s is not set", name)
		}
	}
	if _, ok := env["TIPSTAFF_SESSIONS"]; ok {
		t.Error("the function echo has a variable of the function items")
	}
}

func TestRoleOfAFunctionLimitsItsCalls(t *testing.T) {
	s := start(t, localtest.Options(t))
	if status, body := post(t, s.BaseURL()+"/items", "a"); status != 200 {
		t.Fatalf("PutItem, which the role allows: %d %s", status, body)
	}
	if status, body := get(t, s.BaseURL()+"/items/scan"); status != 403 || body != "AccessDeniedException" {
		t.Errorf("Scan, which the role does not allow: %d %s, want AccessDeniedException", status, body)
	}
	report := s.Report()
	if len(report.Refused) != 1 || report.Refused[0].Action != "dynamodb:Scan" || report.Refused[0].Function != "tipstaff-test-items" {
		t.Errorf("refused = %+v, want the Scan of items", report.Refused)
	}
	if len(report.Unused) != 1 || report.Unused[0].Action != "dynamodb:DeleteItem" {
		t.Errorf("unused = %+v, want DeleteItem", report.Unused)
	}
	if got := s.Calls("items").Calls; got["dynamodb:PutItem"] != 1 || s.Invocations("items") != 2 {
		t.Errorf("calls = %v in %d events, want one PutItem in 2", got, s.Invocations("items"))
	}
	found, err := s.DynamoDB().GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new("tipstaff-test-sessions"), Key: localtest.Item("a")})
	if err != nil || found.Item == nil {
		t.Errorf("an operator finds %v, %v, want the item", found, err)
	}
}

func TestFailureOfAFunctionIsReported(t *testing.T) {
	o := localtest.Options(t)
	var failed []error
	o.Failed = func(function string, err error) { failed = append(failed, fmt.Errorf("%s: %w", function, err)) }
	s := start(t, o)
	if status, body := get(t, s.BaseURL()+"/crash"); status != 500 || body != `{"message":"Internal Server Error"}` {
		t.Errorf("a crash answers %d %s", status, body)
	}
	if status, body := get(t, s.BaseURL()+"/sleep?1m"); status != 503 || body != `{"message":"Service Unavailable"}` {
		t.Errorf("a timeout answers %d %s", status, body)
	}
	if len(failed) != 2 {
		t.Fatalf("Failed was told %v, want two failures", failed)
	}
	if e, ok := errors.AsType[*lambda.Error](failed[0]); !ok || e.Type != lambda.TypeExit || !strings.HasPrefix(failed[0].Error(), "echo: ") {
		t.Errorf("the crash was told as %v", failed[0])
	}
	s.Close()
	log, err := os.ReadFile(s.LogFile("echo"))
	if err != nil || !strings.Contains(string(log), "a function crashes\n") {
		t.Errorf("the log of echo is %q, %v, want the last words", log, err)
	}
}

func TestRequestHasTheTimeOfTheOptions(t *testing.T) {
	o := localtest.Options(t)
	o.Now = func() time.Time { return time.UnixMilli(4102444800123) }
	s := start(t, o)
	if _, body := get(t, s.BaseURL()+"/time"); body != "4102444800123" {
		t.Errorf("the function was told %s, want the clock of the options", body)
	}
}

func TestLogGoesToTheWriterOfTheOptions(t *testing.T) {
	o := localtest.Options(t)
	var log strings.Builder
	o.Log = func(function string) io.Writer {
		if function == "echo" {
			return &log
		}
		return io.Discard
	}
	s := start(t, o)
	get(t, s.BaseURL()+"/")
	s.Close()
	if log.String() != "a function starts\n" {
		t.Errorf("captured %q", log.String())
	}
}

func TestStackServesBothLoopbackAddresses(t *testing.T) {
	s := start(t, localtest.Options(t))
	_, port, _ := strings.Cut(strings.TrimPrefix(s.BaseURL(), "http://"), ":")
	if status, _ := get(t, "http://127.0.0.1:"+port+"/"); status != 200 {
		t.Errorf("127.0.0.1 answers %d", status)
	}
	if _, err := os.Stat("/proc/net/if_inet6"); err == nil {
		if status, _ := get(t, "http://[::1]:"+port+"/"); status != 200 {
			t.Errorf("[::1] answers %d", status)
		}
	}
}
