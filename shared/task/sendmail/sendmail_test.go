package sendmail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/recovery"
	"github.com/tipstaff/tipstaff/shared/mail"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/task/sendmail"
)

// errDown is the error of a sender that is down.
var errDown = errors.New("the sender is down")

// sender records the sent mails, and fails while it has an error.
type sender struct {
	mu   sync.Mutex
	err  error
	sent []mail.Message
	// before runs for each mail, whether or not the send succeeds.
	before func(mail.Message)
}

func (s *sender) Send(_ context.Context, m mail.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before != nil {
		s.before(m)
	}
	if s.err != nil {
		return s.err
	}
	if err := m.Check(); err != nil {
		return err
	}
	s.sent = append(s.sent, m)
	return nil
}

// stage is a stage with a task and users.
type stage struct {
	*pagetest.Stage
	ada    string
	sender sender
	out    bytes.Buffer
}

func begin(t *testing.T) *stage {
	t.Helper()
	s := &stage{Stage: pagetest.New(t)}
	s.ada = s.person("ada", func(*identity.User) {})
	return s
}

// person creates a user with a verified address, after change has modified it.
func (s *stage) person(userName string, change func(*identity.User)) string {
	s.T.Helper()
	u := &identity.User{
		Subject: identity.NewSubject(s.Time), UserName: userName, Email: userName + "@example.com", EmailVerified: true, Revision: 1,
	}
	change(u)
	s.Store(u)
	return u.Subject
}

// task returns the task as a new process builds it.
func (s *stage) task() *sendmail.Task {
	sessions := s.Table(contract.Sessions)
	return &sendmail.Task{
		Issuer:   routetest.Issuer,
		Requests: &recovery.Queue{Kind: recovery.Requests, DB: s.DB, Table: sessions, Trail: s.Trail(), Now: s.Now},
		People:   &identity.Store{DB: s.DB, Registry: s.Table(contract.Registry), Now: s.Now},
		OneTime:  &onetime.Store{DB: s.DB, Sessions: sessions, Trail: s.Trail(), Now: s.Now},
		Mail:     &s.sender,
		Now:      s.Now,
		Stdout:   &s.out,
	}
}

func (s *stage) ask(subject string) {
	s.T.Helper()
	if err := s.task().Requests.Add(context.Background(), recovery.Request{Subject: subject}); err != nil {
		s.T.Fatal(err)
	}
}

// invoke runs the task and returns its result.
func invoke(task *sendmail.Task) (sendmail.Result, error) {
	answer, err := task.Invoke(context.Background(), nil)
	if err != nil {
		return sendmail.Result{}, err
	}
	var r sendmail.Result
	return r, json.Unmarshal(answer, &r)
}

// run runs the task and requires a success with this result.
func (s *stage) run(want sendmail.Result) {
	s.T.Helper()
	got, err := invoke(s.task())
	if err != nil || got != want {
		s.T.Errorf("Invoke = %+v, %v, want %+v", got, err, want)
	}
}

// waiting returns the number of requests, due or not.
func (s *stage) waiting() int {
	s.T.Helper()
	later := *s.task().Requests
	later.Now = func(context.Context) time.Time { return s.Time.Add(1000 * time.Hour) }
	all, err := later.Due(context.Background(), nil)
	if err != nil {
		s.T.Fatal(err)
	}
	return len(all)
}

var link = regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(routetest.Issuer) + `/recover\?link=(tsl_\S+)$`)

// linkOf returns the text of the link in a mail.
func linkOf(t *testing.T, m mail.Message) string {
	t.Helper()
	found := link.FindStringSubmatch(m.Text)
	if found == nil {
		t.Fatalf("mail = %q, want a line with nothing but the link", m.Text)
	}
	return found[1]
}

// good reports whether a link is valid for a user.
func (s *stage) good(text, subject string) bool {
	s.T.Helper()
	found, err := s.task().OneTime.Open(context.Background(), text, onetime.Recover)
	return err == nil && found.Subject == subject && !found.ResetOTP
}

func TestUserWithVerifiedAddressGetsALink(t *testing.T) {
	s := begin(t)
	s.ask(s.ada)
	s.run(sendmail.Result{Sent: 1})
	if len(s.sender.sent) != 1 || s.waiting() != 0 {
		t.Fatalf("%d mails and %d requests, want one and none", len(s.sender.sent), s.waiting())
	}
	m := s.sender.sent[0]
	if m.To != "ada@example.com" || !strings.Contains(m.Text, "Hello ada,") || !strings.Contains(m.Text, "once, within 30 minutes") {
		t.Errorf("mail = %+v, want one to ada that says how long the link is good", m)
	}
	text := linkOf(t, m)
	if !s.good(text, s.ada) {
		t.Errorf("the link %s is not good for ada", text)
	}
	s.Pass(onetime.RecoverLife)
	if s.good(text, s.ada) {
		t.Error("the link is good after its 30 minutes")
	}
	if n := s.Entries(audit.UserRecover); n != 1 {
		t.Errorf("the trail has %d links for a user, want 1", n)
	}
	if out := s.out.String(); !strings.Contains(out, `"sent":1`) || strings.Contains(out, "tsl_") || strings.Contains(out, "ada") {
		t.Errorf("the log says %q, want the number of mails, and no address or text", out)
	}
	// The queue is empty after one run.
	s.run(sendmail.Result{})
}

// TestTablesHoldNoUsableLink: no attribute of any table holds the link in a usable form.
func TestTablesHoldNoUsableLink(t *testing.T) {
	s := begin(t)
	s.ask(s.ada)
	s.run(sendmail.Result{Sent: 1})
	text := linkOf(t, s.sender.sent[0])
	for _, table := range contract.Tables {
		out, err := s.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: new(s.Table(table.Name)), ConsistentRead: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range out.Items {
			dump, err := json.Marshal(it)
			if err != nil {
				t.Fatal(err)
			}
			if secret := text[len("tsl_") : len(text)-6]; bytes.Contains(dump, []byte(secret)) {
				t.Errorf("the table %s has the link in %s", table.Name, dump)
			}
		}
	}
}

// No other recipient gets mail, and their requests are removed.
func TestWhoIsNotWrittenTo(t *testing.T) {
	s := begin(t)
	for _, subject := range []string{
		"", // no user
		"usr_gone",
		s.person("disabled", func(u *identity.User) { u.Disabled = true }),
		s.person("unverified", func(u *identity.User) { u.EmailVerified = false }),
		s.person("unknown", func(u *identity.User) { u.Email = "" }),
	} {
		s.ask(subject)
	}
	s.run(sendmail.Result{Dropped: 5})
	if len(s.sender.sent) != 0 || s.waiting() != 0 || s.Entries("") != 0 {
		t.Errorf("%d mails, %d requests and %d entries, want none", len(s.sender.sent), s.waiting(), s.Entries(""))
	}
}

// One run sends one mail to a user with many requests.
func TestManyRequestsOfOneUserMakeOneMail(t *testing.T) {
	s := begin(t)
	bob := s.person("bob", func(*identity.User) {})
	for range 3 {
		s.ask(s.ada)
		s.ask(bob)
		s.ask("")
		s.Pass(time.Millisecond)
	}
	s.run(sendmail.Result{Sent: 2, Dropped: 7})
	if s.waiting() != 0 || s.Entries(audit.UserRecover) != 2 {
		t.Errorf("%d requests and %d links are left, want none and two", s.waiting(), s.Entries(audit.UserRecover))
	}
}

// Of two concurrent runs one sends the mail.
func TestConcurrentRunsSendOneMail(t *testing.T) {
	s := begin(t)
	s.ask(s.ada)
	results := make([]sendmail.Result, 4)
	errs := make([]error, len(results))
	var all sync.WaitGroup
	for i := range results {
		task := s.task()
		task.Stdout = new(bytes.Buffer)
		all.Go(func() { results[i], errs[i] = invoke(task) })
	}
	all.Wait()
	sent := 0
	for i, r := range results {
		if sent += r.Sent; errs[i] != nil || r.Failed+r.Abandoned+r.Dropped != 0 {
			t.Errorf("run %d = %+v, %v", i, r, errs[i])
		}
	}
	if sent != 1 || len(s.sender.sent) != 1 || s.waiting() != 0 {
		t.Errorf("%d runs sent %d mails and left %d requests, want one and none", sent, len(s.sender.sent), s.waiting())
	}
}

// A run that dies between the link and the mail loses nothing: the next run makes another
// link, and the first one was never sent.
func TestCrashBeforeTheMailLosesNothing(t *testing.T) {
	s := begin(t)
	s.ask(s.ada)
	dying := s.task()
	dead := make(grave, 1)
	dying.Mail, dying.Stdout = dead, new(bytes.Buffer)
	go func() { _, _ = dying.Invoke(context.Background(), nil) }()
	lost := linkOf(t, <-dead)
	if len(s.sender.sent) != 0 || s.waiting() != 1 {
		t.Fatalf("%d mails were sent and %d requests are left, want none and one", len(s.sender.sent), s.waiting())
	}
	s.run(sendmail.Result{}) // too early
	s.Pass(time.Minute)
	s.run(sendmail.Result{Sent: 1})
	if text := linkOf(t, s.sender.sent[0]); text == lost || !s.good(text, s.ada) {
		t.Errorf("the mail has the link %s, want one that is good and was in no mail before", text)
	}
}

// grave is a sender that never returns, like a process that dies: it takes a mail.
type grave chan mail.Message

func (g grave) Send(_ context.Context, m mail.Message) error {
	g <- m
	select {}
}

// A failed mail is tried again after growing pauses, and is sent when the sender works.
func TestFailedMailIsTriedAgain(t *testing.T) {
	s := begin(t)
	s.ask(s.ada)
	s.sender.err = errDown
	for _, wait := range []time.Duration{time.Minute, 4 * time.Minute, 16 * time.Minute} {
		if _, err := invoke(s.task()); !errors.Is(err, errDown) {
			t.Fatalf("Invoke with a sender that is down = %v, want that error", err)
		}
		s.Pass(wait - time.Millisecond)
		s.run(sendmail.Result{})
		s.Pass(time.Millisecond)
	}
	s.sender.err = nil
	s.run(sendmail.Result{Sent: 1})
	if len(s.sender.sent) != 1 || s.waiting() != 0 || s.Entries(recovery.ActionUndelivered) != 0 {
		t.Errorf("%d mails, %d requests, %d given up, want one, none and none", len(s.sender.sent), s.waiting(), s.Entries(recovery.ActionUndelivered))
	}
}

// The fifth try is the last one, and the trail records the end.
func TestGivenUpAfterFiveTries(t *testing.T) {
	s := begin(t)
	s.ask(s.ada)
	s.sender.err = errDown
	tried := 0
	s.sender.before = func(mail.Message) { tried++ }
	for range 3 * int(recovery.Life/time.Minute) {
		_, err := invoke(s.task())
		if err != nil && !errors.Is(err, errDown) {
			t.Fatal(err)
		}
		s.Pass(time.Minute)
	}
	if tried != 5 || s.waiting() != 0 || s.Entries(recovery.ActionUndelivered) != 1 {
		t.Errorf("%d tries, %d requests left, %d entries, want 5, none and one", tried, s.waiting(), s.Entries(recovery.ActionUndelivered))
	}
	if trail := s.entry(recovery.ActionUndelivered); trail["sub"] != s.ada || trail["outcome"] != "refused" || trail["actor"] != "sendmail" {
		t.Errorf("entry = %v, want what was refused to ada by post", trail)
	}
}

// A permanently undeliverable address is not tried again.
func TestUndeliverableAddressIsNotTriedAgain(t *testing.T) {
	s := begin(t)
	eve := s.person("eve", func(u *identity.User) { u.Email = "eve@example.com\r\nBcc: all@example.com" })
	s.ask(eve)
	if _, err := invoke(s.task()); !errors.Is(err, mail.ErrMessage) {
		t.Errorf("Invoke = %v, want ErrMessage", err)
	}
	if len(s.sender.sent) != 0 || s.waiting() != 0 || s.Entries(recovery.ActionUndelivered) != 1 {
		t.Errorf("%d mails, %d requests, %d given up, want none, none and one", len(s.sender.sent), s.waiting(), s.Entries(recovery.ActionUndelivered))
	}
}

// A request that is older than its life is dropped, because the user no longer waits.
func TestLateRequestIsDropped(t *testing.T) {
	s := begin(t)
	s.ask(s.ada)
	s.Pass(recovery.Life)
	s.run(sendmail.Result{Abandoned: 1})
	if len(s.sender.sent) != 0 || s.waiting() != 0 {
		t.Errorf("%d mails and %d requests, want none", len(s.sender.sent), s.waiting())
	}
}

// A stage that sends no mail keeps no requests.
func TestStageWithoutMailKeepsNoRequests(t *testing.T) {
	s := begin(t)
	s.ask(s.ada)
	task := s.task()
	task.Mail = nil
	if got, err := invoke(task); err != nil || got.Dropped != 1 || s.waiting() != 0 || s.Entries("") != 0 {
		t.Errorf("Invoke = %+v, %v with %d requests and %d entries left, want one dropped and none", got, err, s.waiting(), s.Entries(""))
	}
}

// A malformed request does not block the others.
func TestMalformedRequestDoesNotBlockOthers(t *testing.T) {
	s := begin(t)
	broken := map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "mail"}, "sk": &types.AttributeValueMemberS{Value: "00"},
		"due": &types.AttributeValueMemberN{Value: "1"},
	}
	if _, err := s.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new(s.Table(contract.Sessions)), Item: broken}); err != nil {
		t.Fatal(err)
	}
	s.ask(s.ada)
	if _, err := invoke(s.task()); err == nil || len(s.sender.sent) != 1 {
		t.Errorf("Invoke = %v with %d mails, want an error and the mail", err, len(s.sender.sent))
	}
}

// Near the end of its time a run begins no request.
func TestRunNearItsEndBeginsNoRequest(t *testing.T) {
	s := begin(t)
	s.ask(s.ada)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	answer, err := s.task().Invoke(ctx, nil)
	if err != nil || !bytes.Contains(answer, []byte(`"left":1`)) || len(s.sender.sent) != 0 {
		t.Errorf("Invoke = %s, %v, want the request to be left", answer, err)
	}
	s.run(sendmail.Result{Sent: 1})
}

// entry returns the texts of the only audit entry with an action.
func (s *stage) entry(action audit.Action) map[string]string {
	s.T.Helper()
	out, err := s.DB.Scan(context.Background(), &dynamodb.ScanInput{TableName: new(s.Table(contract.Audit)), ConsistentRead: new(true)})
	if err != nil {
		s.T.Fatal(err)
	}
	for _, it := range out.Items {
		texts := map[string]string{}
		for name, value := range it {
			if text, ok := value.(*types.AttributeValueMemberS); ok {
				texts[name] = text.Value
			}
		}
		if texts["action"] == string(action) {
			return texts
		}
	}
	return nil
}
