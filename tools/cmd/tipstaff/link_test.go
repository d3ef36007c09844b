package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/local"
)

const issuer = "https://auth.example.com"

// prints runs a command that must succeed, and returns its standard output and its
// standard error.
func (o *operator) prints(args ...string) (out, words string) {
	o.t.Helper()
	var stdout, stderr bytes.Buffer
	root := &cobra.Command{Use: "tipstaff", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(newUserCommand())
	root.SetIn(strings.NewReader(""))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(append(args, "--dir", o.dir))
	if err := root.ExecuteContext(o.t.Context()); err != nil {
		o.t.Fatalf("tipstaff %s: %v", strings.Join(args, " "), err)
	}
	return stdout.String(), stderr.String()
}

// opened returns the ticket behind a printed link.
func (o *operator) opened(out string, kind onetime.Kind) *onetime.Link {
	o.t.Helper()
	before, text, ok := strings.Cut(strings.TrimSuffix(out, "\n"), "?link=")
	if want, _, _ := strings.Cut(onetime.URL(issuer, kind, ""), "?"); !ok || before != want {
		o.t.Fatalf("output = %q, want a link to %s alone", out, want)
	}
	t, err := o.tickets().Open(o.t.Context(), text, kind)
	if err != nil {
		o.t.Fatal(err)
	}
	return t
}

// withApp gives a user an authenticator app.
func (o *operator) withApp(name string) {
	o.t.Helper()
	err := dynamo.Tx{o.roster().Changing(o.user(name), dynamo.Changes{Set: dynamo.Item{identity.AttrOTP: dynamo.Flag(true)}})}.Run(o.t.Context(), o.db)
	if err != nil {
		o.t.Fatal(err)
	}
}

func TestUserRecover(t *testing.T) {
	o := newOperator(t)
	o.says(`added ann as .*\n`, first, "user", "add", "ann", "--email", "ann@example.com")
	out, words := o.prints("user", "recover", "Ann", "--issuer", issuer)
	made := o.opened(out, onetime.Recover)
	if made.Subject != o.user("ann").Subject || made.ResetOTP || made.Actor != o.actor || time.Until(made.Expires) > onetime.RecoverLife {
		t.Errorf("link = %+v, want one of ann for half an hour", made)
	}
	if !strings.Contains(words, "Give this link only to ann") || !strings.Contains(words, "It works once, until 20") || strings.Contains(words, "tsl_") || strings.Contains(words, "app") {
		t.Errorf("words = %q, want what to do with it", words)
	}
	o.fails("ann has no authenticator app to remove", "", "user", "recover", "ann", "--reset-otp", "--issuer", issuer)
	o.withApp("ann")
	out, words = o.prints("user", "recover", "ann", "--issuer", issuer)
	if made := o.opened(out, onetime.Recover); made.ResetOTP || !strings.Contains(words, "--reset-otp") {
		t.Errorf("link = %+v, words = %q, want one that asks for the app, and to know how not to", made, words)
	}
	out, _ = o.prints("user", "recover", "ann", "--reset-otp", "--issuer", issuer)
	if made := o.opened(out, onetime.Recover); !made.ResetOTP {
		t.Errorf("link = %+v, want one that takes the app away", made)
	}
	o.says("disabled ann and .*\n", "", "user", "disable", "ann")
	o.fails("ann is disabled and could not sign in: enable them first", "", "user", "recover", "ann", "--issuer", issuer)
	o.fails(`there is no user "bob"`, "", "user", "recover", "bob", "--issuer", issuer)
	if n := o.links(); n != 3 {
		t.Errorf("there are %d links, want the three that were printed", n)
	}
}

// links counts the links in the table, used ones included.
func (o *operator) links() int {
	o.t.Helper()
	out, err := o.db.Scan(o.t.Context(), &dynamodb.ScanInput{
		TableName: new(o.table(contract.Sessions)), ConsistentRead: new(true), FilterExpression: new("sk = :ticket"),
		ExpressionAttributeValues: dynamo.Item{":ticket": dynamo.Text("ticket")},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return len(out.Items)
}

// Ending all sessions withdraws the links, as the help of the command says.
func TestUserRecoverTakenBack(t *testing.T) {
	o := newOperator(t)
	o.says(`added ann as .*\n`, first, "user", "add", "ann")
	out, _ := o.prints("user", "recover", "ann", "--issuer", issuer)
	o.says("ended 0 sessions of ann\n", "", "session", "end", "--user", "ann", "--all")
	if made := o.opened(out, onetime.Recover); made.AuthGen == o.user("ann").AuthGen {
		t.Error("the link is good still")
	}
}

func TestUserInvite(t *testing.T) {
	o := newOperator(t)
	o.says(`added ann as .*\n`, first, "user", "add", "ann")
	out, words := o.prints("user", "invite", "--issuer", issuer)
	made := o.opened(out, onetime.Invite)
	if made.UserName != "" || made.Email != "" || made.Expires.Sub(made.Created) != onetime.InviteLife || !strings.Contains(words, "the person you invite") {
		t.Errorf("link = %+v, words = %q, want one that proposes nothing", made, words)
	}
	out, _ = o.prints("user", "invite", "--issuer", issuer, "--user-name", "bob", "--name", "Bob", "--email", "bob@example.com", "--days", "30")
	made = o.opened(out, onetime.Invite)
	if made.UserName != "bob" || made.Name != "Bob" || made.Email != "bob@example.com" || made.EmailVerified || made.Expires.Sub(made.Created) != onetime.MaxInviteLife {
		t.Errorf("link = %+v, want one for bob for a month, with an address that is not verified", made)
	}
	out, _ = o.prints("user", "invite", "--issuer", issuer, "--email", "bob@example.com", "--email-verified")
	if made := o.opened(out, onetime.Invite); !made.EmailVerified {
		t.Errorf("link = %+v, want a verified address", made)
	}
	for want, args := range map[string][]string{
		`there is a user "Ann" already`:                                              {"--user-name", "Ann"},
		`email "bob" is not an e-mail address`:                                       {"--email", "bob"},
		"--days is 31, not 1 to 30":                                                  {"--days", "31"},
		"--days is 0, not 1 to 30":                                                   {"--days", "0"},
		"name is longer than 200 bytes or cannot be printed":                         {"--name", "Bob\x1b[2J"},
		`user name "a b" is not 1 to 64 letters, digits, ".", "_", "@", "+" and "-"`: {"--user-name", "a b"},
	} {
		o.fails(want, "", append([]string{"user", "invite", "--issuer", issuer}, args...)...)
	}
	o.fails("--email is missing", "", "user", "invite", "--issuer", issuer, "--email-verified")
	o.fails("--email is missing", second, "user", "add", "carl", "--email-verified")
	if n := o.links(); n != 3 {
		t.Errorf("there are %d links, want the three that were printed", n)
	}
}

// mails makes the stack put mail into its folder.
func (o *operator) mails() {
	o.t.Helper()
	path := filepath.Join(o.dir, "state.json")
	state, err := os.ReadFile(path)
	if err != nil {
		o.t.Fatal(err)
	}
	state = bytes.Replace(state, []byte(`"mail":"off"`), []byte(`"mail":"file:`+filepath.Join(o.dir, "mail")+`"`), 1)
	if err := os.WriteFile(path, state, 0o600); err != nil {
		o.t.Fatal(err)
	}
	if s, err := local.ReadState(o.dir); err != nil || s.Mail == "off" {
		o.t.Fatalf("state = %+v, %v, want mail", s, err)
	}
}

// A link that is mailed is not printed, and goes only to a verified address.
func TestLinksByMail(t *testing.T) {
	o := newOperator(t)
	o.mails()
	o.fails("--email is missing", "", "user", "invite", "--issuer", issuer, "--mail")
	o.says(`added ann as .*\n`, first, "user", "add", "ann", "--email", "ann@example.com")
	o.fails("ann has no verified e-mail address: leave out --mail and give them the link", "",
		"user", "recover", "ann", "--issuer", issuer, "--mail")
	o.says(`added bob as .*\n`, first, "user", "add", "bob", "--email", "bob@example.com", "--email-verified")
	o.fails("if any flags in the group [reset-otp mail] are set none of the others can be; [mail reset-otp] were all set", "",
		"user", "recover", "bob", "--issuer", issuer, "--mail", "--reset-otp")
	o.says(`sent a link to bob@example\.com; it works once, until 20\S+Z\n`, "", "user", "recover", "bob", "--issuer", issuer, "--mail")
	o.says(`sent a link to carl@example\.com; it works once, until 20\S+Z\n`, "", "user", "invite", "--email", "carl@example.com", "--issuer", issuer, "--mail")
	wrote := regexp.MustCompile(`(?s)To: (\S+)\r\n.*(https://auth\.example\.com\S+)\r\n`)
	files, err := filepath.Glob(filepath.Join(o.dir, "mail", "*.eml"))
	if err != nil || len(files) != 2 {
		t.Fatalf("mail = %v, %v, want two", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := wrote.FindStringSubmatch(string(data))
		if found == nil {
			t.Fatalf("mail = %s, want a link", data)
		}
		if found[1] == "bob@example.com" {
			if made := o.opened(found[2], onetime.Recover); made.Subject != o.user("bob").Subject {
				t.Errorf("link = %+v, want one of bob", made)
			}
			continue
		}
		if made := o.opened(found[2], onetime.Invite); made.Email != "carl@example.com" || !made.EmailVerified || found[1] != made.Email {
			t.Errorf("link = %+v to %s, want one of carl that verifies the address", made, found[1])
		}
	}
	list, err := o.trail().List(t.Context(), o.db, audit.Query{Since: time.Now().Add(-time.Hour), Action: "user", Limit: 10})
	by := 0
	for _, e := range list {
		if e.Detail["by"] == "mail" {
			by++
		}
	}
	if err != nil || by != 2 {
		t.Errorf("trail = %+v, %v, want two links by mail", list, err)
	}
}

// A link leads to the issuer only.
func TestLinksLeadToTheIssuer(t *testing.T) {
	running := &deployment{local: true, issuer: "http://localhost:8080", mail: contract.MailPolicy{Folder: "mail"}}
	silent := &deployment{local: true, issuer: "http://localhost:8080"}
	tests := []struct {
		name string
		d    *deployment
		link linkFlags
		want string
	}{
		{"local", running, linkFlags{}, ""},
		{"local with mail", running, linkFlags{mail: true}, ""},
		{"local by another name", running, linkFlags{issuer: issuer}, ""},
		{"local without mail", silent, linkFlags{}, ""},
		{"local that sends none", silent, linkFlags{mail: true}, "this stack runs with --mail off: leave out --mail here and give them the link"},
		{"deployed", &deployment{}, linkFlags{issuer: issuer}, ""},
		{"deployed with mail", &deployment{}, linkFlags{issuer: issuer, mail: true, from: "auth@example.com"}, ""},
		{"deployed without an issuer", &deployment{}, linkFlags{}, "--issuer is not set: a link has to lead somewhere"},
		{"no TLS", &deployment{}, linkFlags{issuer: "http://auth.example.com"}, `--issuer is "http://auth.example.com", not an origin such as https://auth.example.com`},
		{"a path", &deployment{}, linkFlags{issuer: issuer + "/"}, `--issuer is "https://auth.example.com/", not an origin such as https://auth.example.com`},
		{"no origin", &deployment{}, linkFlags{issuer: "auth"}, `--issuer is "auth", not an origin such as https://auth.example.com`},
		{"mail without a sender", &deployment{}, linkFlags{issuer: issuer, mail: true}, "--from is not the address that mail comes from"},
	}
	for _, tt := range tests {
		p, err := tt.link.open(tt.d)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want || err == nil && (p.sender != nil) != tt.link.mail {
			t.Errorf("%s: open = %+v, %v, want %q", tt.name, p, err, tt.want)
		}
	}
}

// The list shows every way in which a user can sign in.
func TestUserListWays(t *testing.T) {
	o := newOperator(t)
	o.says(`added ann as .*\n`, first, "user", "add", "ann")
	o.says(`added bob as .*\n`, "", "user", "add", "bob", "--no-password")
	o.says(`added carl as .*\n`, "", "user", "add", "carl", "--no-password")
	o.withApp("ann")
	for id, name := range map[string]string{"1": "ann", "2": "ann", "3": "carl"} {
		o.put(passkey.Encode(&passkey.Passkey{Subject: o.user(name).Subject, Credential: []byte(id), Key: []byte{1}, Created: time.Now()}))
	}
	store := &external.Store{DB: o.db, Registry: o.table(contract.Registry), Now: httpapi.Now}
	_, writes, err := store.Adding(t.Context(), o.user("ann").Subject, external.Account{Upstream: "google", Issuer: "https://accounts.google.com", Subject: "1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := dynamo.Tx(writes).Run(t.Context(), o.db); err != nil {
		t.Fatal(err)
	}
	o.says(`USER .*\n`+
		`ann +usr_\w{26}  password, 2 passkeys, 1 linked, app  .*\n`+
		`bob +usr_\w{26}  none  .*\n`+
		`carl +usr_\w{26}  1 passkey  .*\n`, "", "user", "list")
}

func (o *operator) put(it dynamo.Item) {
	o.t.Helper()
	err := dynamo.Tx{dynamo.Put(o.table(contract.Registry), it)}.Run(context.Background(), o.db)
	if err != nil {
		o.t.Fatal(err)
	}
}
