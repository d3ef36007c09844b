package mail_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/mail"
	wireaws "github.com/tipstaff/tipstaff/shared/wire/aws"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func now(context.Context) time.Time { return noon }

// letter is a valid message.
var letter = mail.Message{To: "ada@example.com", Subject: "Grüße", Text: "Hello Ada,\n\n→ https://auth.example.com/recover?link=tsl_x\n"}

// folder returns a mail folder that does not exist yet.
func folder(t *testing.T) *mail.Folder {
	t.Helper()
	return &mail.Folder{Path: filepath.Join(t.TempDir(), "some", "mail"), Now: now}
}

// files returns the sorted names in a folder, "" when there is no folder.
func files(t *testing.T, f *mail.Folder) []string {
	t.Helper()
	entries, err := os.ReadDir(f.Path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// read parses a file as a mail program does.
func read(t *testing.T, f *mail.Folder, name string) (*netmail.Message, string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(f.Path, name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := netmail.ReadMessage(strings.NewReader(string(data)))
	if err != nil {
		t.Fatalf("%s is no mail: %v\n%s", name, err, data)
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	return m, string(body)
}

func TestFolder(t *testing.T) {
	f := folder(t)
	if err := f.Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	names := files(t, f)
	if len(names) != 1 || !strings.HasPrefix(names[0], "20261122T120000.000000000Z-") || filepath.Ext(names[0]) != ".eml" {
		t.Fatalf("files = %q, want one .eml of noon", names)
	}
	for path, want := range map[string]os.FileMode{f.Path: 0o700, filepath.Join(f.Path, names[0]): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("mode of %s = %v, %v, want %v", path, info, err, want)
		}
	}
	m, body := read(t, f, names[0])
	if want := strings.ReplaceAll(letter.Text, "\n", "\r\n"); body != want {
		t.Errorf("text = %q, want %q", body, want)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != letter.Subject {
		t.Errorf("subject = %q, %v, want %q", subject, err, letter.Subject)
	}
	if date, err := m.Header.Date(); err != nil || !date.Equal(noon) {
		t.Errorf("date = %v, %v, want %v", date, err, noon)
	}
	for _, field := range []string{"From", "To"} {
		if list, err := m.Header.AddressList(field); err != nil || len(list) != 1 {
			t.Errorf("%s = %v, %v, want one address", field, list, err)
		}
	}
	for field, want := range map[string]string{
		"To": "ada@example.com", "Content-Type": "text/plain; charset=utf-8", "Content-Transfer-Encoding": "8bit",
		"Mime-Version": "1.0", "Auto-Submitted": "auto-generated",
	} {
		if got := m.Header.Get(field); got != want {
			t.Errorf("%s = %q, want %q", field, got, want)
		}
	}
	if id := m.Header.Get("Message-Id"); !strings.HasSuffix(id, "@localhost>") {
		t.Errorf("Message-Id = %q", id)
	}
}

// The files of a folder sort by time, and each has its own name.
func TestFolderSorts(t *testing.T) {
	f := folder(t)
	at := noon
	f.Now = func(context.Context) time.Time { return at }
	var want []string
	for _, step := range []time.Duration{0, time.Nanosecond, time.Second, 11 * time.Hour} {
		at = at.Add(step)
		m := letter
		m.Subject = at.Format(time.RFC3339Nano)
		want = append(want, m.Subject)
		if err := f.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, name := range files(t, f) {
		m, _ := read(t, f, name)
		got = append(got, m.Header.Get("Subject"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("in the order of their names the mails are %q, want %q", got, want)
	}
	for range 20 {
		if err := f.Send(t.Context(), letter); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(files(t, f)); n != len(want)+20 {
		t.Errorf("%d files, want %d: one for each mail, also at the same moment", n, len(want)+20)
	}
}

func TestUnwritableFolderIsAnError(t *testing.T) {
	f := folder(t)
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Send(t.Context(), letter); err == nil || errors.Is(err, mail.ErrMessage) {
		t.Errorf("Send to a file = %v, want an error of the folder", err)
	}
}

// injections are messages that would add a header line, add a recipient, or have no
// text.
var injections = map[string]func(*mail.Message){
	"a line end in the address":       func(m *mail.Message) { m.To = "ada@example.com\r\nBcc: all@example.com" },
	"a line feed in the address":      func(m *mail.Message) { m.To = "ada@example.com\nBcc: all@example.com" },
	"a line end before the address":   func(m *mail.Message) { m.To = "\r\nada@example.com" },
	"a folded address":                func(m *mail.Message) { m.To = "ada\r\n @example.com" },
	"two addresses":                   func(m *mail.Message) { m.To = "ada@example.com, all@example.com" },
	"a group of addresses":            func(m *mail.Message) { m.To = "all: ada@example.com;" },
	"a name":                          func(m *mail.Message) { m.To = "Ada <ada@example.com>" },
	"brackets":                        func(m *mail.Message) { m.To = "<ada@example.com>" },
	"a quoted address":                func(m *mail.Message) { m.To = `"ada all"@example.com` },
	"a comment":                       func(m *mail.Message) { m.To = "ada@example.com (Ada)" },
	"a space":                         func(m *mail.Message) { m.To = "ada@example.com " },
	"an address of other letters":     func(m *mail.Message) { m.To = "\u0430da@example.com" },
	"an address without a host":       func(m *mail.Message) { m.To = "ada" },
	"no address":                      func(m *mail.Message) { m.To = "" },
	"a long address":                  func(m *mail.Message) { m.To = strings.Repeat("a", 250) + "@example.com" },
	"a line end in the subject":       func(m *mail.Message) { m.Subject = "Hello\r\nBcc: all@example.com" },
	"a line feed in the subject":      func(m *mail.Message) { m.Subject = "Hello\nBcc: all@example.com" },
	"a carriage return":               func(m *mail.Message) { m.Subject = "Hello\rBcc: all@example.com" },
	"another end of a line":           func(m *mail.Message) { m.Subject = "Hello\u2028Bcc: all@example.com" },
	"a next line":                     func(m *mail.Message) { m.Subject = "Hello\u0085Bcc: all@example.com" },
	"a null":                          func(m *mail.Message) { m.Subject = "Hello\x00" },
	"an encoded word":                 func(m *mail.Message) { m.Subject = "=?utf-8?q?=0D=0ABcc:_all@example.com?=" },
	"a space before the subject":      func(m *mail.Message) { m.Subject = " Hello" },
	"no subject":                      func(m *mail.Message) { m.Subject = "" },
	"a long subject":                  func(m *mail.Message) { m.Subject = strings.Repeat("a", 201) },
	"a subject that is no text":       func(m *mail.Message) { m.Subject = "\xff" },
	"no text":                         func(m *mail.Message) { m.Text = "" },
	"a text that is none":             func(m *mail.Message) { m.Text = "\xff" },
	"a carriage return in the text":   func(m *mail.Message) { m.Text = "a\rb" },
	"a control character in the text": func(m *mail.Message) { m.Text = "a\x1b[2Jb" },
	"a long line":                     func(m *mail.Message) { m.Text = strings.Repeat("a", 999) + "\n" },
	"a long text":                     func(m *mail.Message) { m.Text = strings.Repeat("a\n", 40_000) },
}

func TestHeaderInjectionIsRefused(t *testing.T) {
	for name, change := range injections {
		m := letter
		change(&m)
		f := folder(t)
		if err := f.Send(t.Context(), m); !errors.Is(err, mail.ErrMessage) || len(files(t, f)) != 0 {
			t.Errorf("%s: Send = %v with files %q, want ErrMessage and none", name, err, files(t, f))
		}
	}
}

// FuzzMessage: a valid message has one recipient, its own subject and text, and only
// header lines that we wrote.
func FuzzMessage(f *testing.F) {
	f.Add(letter.To, letter.Subject, letter.Text)
	for _, change := range injections {
		m := letter
		change(&m)
		f.Add(m.To, m.Subject, m.Text)
	}
	f.Add("a+b.c_d@x.example", strings.Repeat("ü", 100), ".\n..\n\n")
	f.Fuzz(func(t *testing.T, to, subject, text string) {
		m, dir := mail.Message{To: to, Subject: subject, Text: text}, folder(t)
		err := dir.Send(t.Context(), m)
		if err != nil {
			if !errors.Is(err, mail.ErrMessage) {
				t.Fatal(err)
			}
			return
		}
		got, body := read(t, dir, files(t, dir)[0])
		list, err := got.Header.AddressList("To")
		if err != nil || len(list) != 1 || list[0].Address != to || list[0].Name != "" {
			t.Errorf("To(%q) = %v, %v", to, list, err)
		}
		if decoded, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject")); err != nil || decoded != subject {
			t.Errorf("Subject(%q) = %q, %v", subject, decoded, err)
		}
		if body != strings.ReplaceAll(text, "\n", "\r\n") {
			t.Errorf("Text(%q) = %q", text, body)
		}
		if len(got.Header) != 9 {
			t.Errorf("the head of %q, %q has %d fields, want 9: %v", to, subject, len(got.Header), got.Header)
		}
	})
}

// ses is a server that speaks the protocol of Amazon SES.
type ses struct {
	status   int
	requests []map[string]any
}

func (s *ses) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	in["called"] = r.Method + " " + r.URL.Path
	s.requests = append(s.requests, in)
	w.Header().Set("Content-Type", "application/json")
	if s.status != http.StatusOK {
		w.Header().Set("X-Amzn-Errortype", "MessageRejected")
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, `{"message":"Email address is not verified: ada@example.com"}`)
		return
	}
	_, _ = io.WriteString(w, `{"MessageId":"0100"}`)
}

// open returns a sender for that server.
func (s *ses) open(t *testing.T) mail.Sender {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return mail.Open(contract.MailPolicy{From: "login@example.com"}, aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: wireaws.Static("a", "b", ""),
		RetryMaxAttempts: 1,
	}, now)
}

func TestSES(t *testing.T) {
	server := &ses{status: http.StatusOK}
	if err := server.open(t).Send(t.Context(), letter); err != nil || len(server.requests) != 1 {
		t.Fatalf("Send = %v with %d requests, want one", err, len(server.requests))
	}
	got, err := json.Marshal(server.requests[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Content":{"Simple":{"Body":{"Text":{"Charset":"UTF-8","Data":"Hello Ada,\n\n→ https://auth.example.com/recover?link=tsl_x\n"}},` +
		`"Headers":[{"Name":"Auto-Submitted","Value":"auto-generated"}],"Subject":{"Charset":"UTF-8","Data":"Grüße"}}},` +
		`"Destination":{"ToAddresses":["ada@example.com"]},"FromEmailAddress":"login@example.com","called":"POST /v2/email/outbound-emails"}`
	if string(got) != want {
		t.Errorf("request = %s, want %s", got, want)
	}
}

// An invalid mail does not reach SES, and the user's address does not reach our log.
func TestSESErrorHidesTheAddress(t *testing.T) {
	server := &ses{status: http.StatusBadRequest}
	sender := server.open(t)
	for name, change := range injections {
		m := letter
		change(&m)
		if err := sender.Send(t.Context(), m); !errors.Is(err, mail.ErrMessage) || len(server.requests) != 0 {
			t.Errorf("%s: Send = %v with %d requests, want ErrMessage and none", name, err, len(server.requests))
		}
	}
	err := sender.Send(t.Context(), letter)
	if err == nil || !strings.Contains(err.Error(), "MessageRejected") || strings.Contains(err.Error(), "ada@") || errors.Is(err, mail.ErrMessage) {
		t.Errorf("Send = %v, want the code of SES and no address", err)
	}
}

func TestOpen(t *testing.T) {
	if s := mail.Open(contract.MailPolicy{}, aws.Config{}, now); s != nil {
		t.Errorf("Open of nothing = %v, want nil", s)
	}
	s, ok := mail.Open(contract.MailPolicy{Folder: "letters"}, aws.Config{}, now).(*mail.Folder)
	if !ok || s.Path != "letters" {
		t.Errorf("Open of a folder = %+v", s)
	}
}

// The text names the issuer, the user and the lifetime of the link. The link stands
// alone in a line, so that every mail program makes it clickable.
func TestMailNamesIssuerUserAndLifetime(t *testing.T) {
	const link = "https://auth.example.com/recover?link=tsl_x"
	for _, tt := range []struct {
		name    string
		message mail.Message
		subject string
		want    []string
	}{
		{
			"recovery", mail.Recovery("ada@example.com", "https://auth.example.com", "ada", link, 30*time.Minute),
			"Choose a new way to sign in to auth.example.com",
			[]string{"Hello ada,", "https://auth.example.com", "once, within 30 minutes"},
		},
		{
			"invitation", mail.Invitation("ada@example.com", "http://localhost:8080", link, 7*24*time.Hour),
			"Your invitation to localhost:8080",
			[]string{"http://localhost:8080", "once, within 7 days"},
		},
		{
			"invitation of a day", mail.Invitation("ada@example.com", "https://auth.example.com", link, 24*time.Hour),
			"Your invitation to auth.example.com",
			[]string{"once, within 1 day."},
		},
	} {
		if err := tt.message.Check(); err != nil || tt.message.To != "ada@example.com" || tt.message.Subject != tt.subject {
			t.Errorf("%s = %+v, %v, want one to ada with the subject %q", tt.name, tt.message, err, tt.subject)
		}
		for _, want := range append(tt.want, "\n\n"+link+"\n\n") {
			if !strings.Contains(tt.message.Text, want) {
				t.Errorf("%s lacks %q:\n%s", tt.name, want, tt.message.Text)
			}
		}
		for line := range strings.Lines(tt.message.Text) {
			if len(line) > 81 && !strings.Contains(line, link) {
				t.Errorf("%s: the line %q is too long for a window", tt.name, line)
			}
		}
	}
}
