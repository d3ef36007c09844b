package stack_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/local/iam"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

var mailed = regexp.MustCompile(`http\S+/recover\S+`)

// letters returns the links in the mail that was sent, oldest first.
func letters(t *testing.T, s *fixture.Stack) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Mail(), "*.eml")) // in the order of their names
	if err != nil {
		t.Fatal(err)
	}
	var links []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		link := mailed.FindString(string(text))
		if !strings.HasPrefix(link, s.BaseURL()) {
			t.Fatalf("the mail has no link:\n%s", text)
		}
		links = append(links, strings.TrimPrefix(link, s.BaseURL()))
	}
	return links
}

// asks requests a recovery link for a user name.
func (v visitor) asks(userName string) {
	v.t.Helper()
	if status, location, page := v.fill("/recover", v.page("/recover"), "user_name", userName); status != http.StatusSeeOther {
		v.t.Fatalf("asking for a link = %d to %q, want 303\n%s", status, location, said(page))
	}
}

// due makes every waiting item due now. A task uses the clock of the system, which no
// test moves.
func due(t *testing.T, s *fixture.Stack) {
	t.Helper()
	table := contract.TableName(contract.Staging.Name, contract.Table{Name: contract.Sessions})
	waiting, err := s.DynamoDB().Query(t.Context(), &dynamodb.QueryInput{
		TableName: &table, KeyConditionExpression: new("pk = :mail"), ExpressionAttributeValues: dynamo.Item{":mail": dynamo.Text("mail")},
	})
	if err != nil || len(waiting.Items) != 1 {
		t.Fatalf("%d requests wait, %v, want one", len(waiting.Items), err)
	}
	_, err = s.DynamoDB().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table, Key: dynamo.Item{contract.PK: waiting.Items[0][contract.PK], contract.SK: waiting.Items[0][contract.SK]},
		UpdateExpression: new("SET due = :now"), ExpressionAttributeValues: dynamo.Item{":now": dynamo.Millis(time.Now())},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMailIsTriedAgain: a try that fails before the mail is sent sends none. A try
// that fails afterwards is repeated with another mail. Each link works until one of
// them is used.
func TestMailIsTriedAgain(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	operate(t, s, "user", "add", "mila", "--no-password", "--email", "mila@example.com", "--email-verified")
	visit(t, s).asks("mila")
	// The first run is at the time of the request, and the others when the next
	// try is due, or before.
	for i, tt := range []struct {
		what  string
		due   bool
		fault string // the action that fails
		sent  int    // so far
	}{
		{"the link cannot be kept", false, "dynamodb:PutItem", 0},
		{"the request cannot be removed", true, "dynamodb:DeleteItem", 1},
		{"before its time", false, "", 1},
		{"everything works", true, "", 2},
		{"nothing is left", false, "", 2},
	} {
		if tt.due {
			due(t, s)
		}
		if tt.fault != "" {
			s.Wall().Inject(func(c iam.Call) iam.Fault {
				if c.Needs(tt.fault) {
					return iam.Fault{Error: iam.Broken}
				}
				return iam.Fault{}
			})
		}
		answer, err := s.Trigger(t.Context(), contract.SendMail.Name)
		s.Wall().Inject(nil)
		if failed := err != nil; failed != (tt.fault != "") {
			t.Errorf("%s: the task answers %s, %v", tt.what, answer, err)
		}
		if got := len(letters(t, s)); got != tt.sent {
			t.Fatalf("%s: %d letters were sent so far, want %d", tt.what, got, tt.sent)
		}
		if left, want := strings.Contains(kept(t, s), "pk=mail"), i < 3; left != want {
			t.Errorf("%s: the request is kept: %v, want %v", tt.what, left, want)
		}
	}
	links := letters(t, s)
	if links[0] == links[1] {
		t.Error("the second letter has the link of the first")
	}
	visit(t, s).page(links[0])
	if status, location, page := visit(t, s).usesLink(links[1]); status != http.StatusSeeOther || location != account {
		t.Fatalf("the second link = %d to %q, want the account\n%s", status, location, said(page))
	}
	for _, link := range links {
		if status, _, page := visit(t, s).ask(http.MethodGet, link, nil); status != http.StatusGone {
			t.Errorf("a link after that = %d, want 410\n%s", status, said(page))
		}
	}
}

// TestMailToNobody: a request for an unknown user name, or for a user without a
// verified address, leaves nothing once the task has run.
func TestMailToNobody(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	operate(t, s, "user", "add", "otis", "--no-password", "--email", "otis@example.com")
	before := kept(t, s)
	for _, name := range []string{"no-such-name", "otis", fixture.User} {
		visit(t, s).asks(name)
	}
	if waiting := kept(t, s); strings.Count(waiting, "pk=mail") != 3 || strings.Contains(waiting, "no-such-name") {
		t.Errorf("the tables hold\n%s\nwant three requests, and nothing that was typed", waiting)
	}
	if answer, err := s.Trigger(t.Context(), contract.SendMail.Name); err != nil {
		t.Errorf("the task answers %s, %v", answer, err)
	}
	if after := kept(t, s); after != before || len(letters(t, s)) > 0 {
		t.Errorf("%d letters were sent, and the tables hold\n%s\nwant none, and what they held:\n%s", len(letters(t, s)), after, before)
	}
}

// usesLink makes a passkey with a link that was mailed.
func (v visitor) usesLink(link string) (status int, location, page string) {
	v.t.Helper()
	page = v.page(link)
	made := routetest.NewAuthenticator(v.t, v.s.BaseURL()).Create(person.Data(page, "options"))
	return v.fill("/recover", page, "step", "choose", "passkey", made)
}
