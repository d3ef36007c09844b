package mail_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/mail"
	"github.com/tipstaff/tipstaff/shared/wire"
	wired "github.com/tipstaff/tipstaff/shared/wire/mail"
)

var letter = mail.Message{To: "ada@example.com", Subject: "Hello", Text: "Hello Ada\n"}

// env returns the environment of the task that sends mail.
func env(t *testing.T, policy, endpoint string) *wire.Env {
	t.Helper()
	values := map[string]string{
		contract.EnvStage: "test", contract.EnvIssuer: "https://auth.example.com", contract.EnvAuditDays: "30", contract.EnvMail: policy,
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "us", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c",
		"AWS_ENDPOINT_URL_SESV2": endpoint,
	}
	for _, n := range contract.SendMail.Needs {
		if n.Resource != contract.Mail {
			values[n.Resource.Env()] = "table"
		}
	}
	e, err := wire.From(contract.SendMail, func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSES(t *testing.T) {
	status := http.StatusOK
	var got, signed string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // an empty body fails the comparison
		got, signed = string(body), r.Header.Get("Authorization")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	e := env(t, "ses:login@example.com", server.URL)
	sender := wired.Sender(e)
	if err := sender.Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, `"FromEmailAddress":"login@example.com"`) || !strings.Contains(signed, "Credential=us/") || !strings.Contains(signed, "/eu-central-1/ses/aws4_request") {
		t.Errorf("SES was sent %s, signed as %s, want mail from the policy by the function's role", got, signed)
	}
	// A mail with an unknown result is not sent again here. The task retries at its time, with
	// a new link.
	before := e.Calls.Load()
	status = http.StatusInternalServerError
	if err := sender.Send(t.Context(), letter); err == nil || e.Calls.Load()-before != 1 {
		t.Errorf("Send to SES that is down = %v after %d calls, want an error after one", err, e.Calls.Load()-before)
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	e := env(t, "file:"+dir, "")
	if err := wired.Sender(e).Send(t.Context(), letter); err != nil || e.Calls.Load() != 0 {
		t.Errorf("Send = %v after %d calls, want none", err, e.Calls.Load())
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("files = %v, %v, want one", files, err)
	}
}

func TestOff(t *testing.T) {
	if s := wired.Sender(env(t, "off", "")); s != nil {
		t.Errorf("sender = %v, want none", s)
	}
}
