package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
	"github.com/tipstaff/tipstaff/shared/session"
)

// operator runs commands against a stack that has keys.
type operator struct {
	*deployment
	t   *testing.T
	dir string
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	const stage = "cli"
	dir, _ := stack(t, stage)
	store, err := secrets.Open(filepath.Join(dir, "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range contract.Secrets {
		name := contract.SecretName(stage, s)
		newborn := fmt.Sprintf(`{"format":%q,"seed":"abc"}`, s.Format)
		if _, err := store.Ensure(cfn.Secret{Name: name, ARN: cfn.Local.SecretARN(name), Value: &newborn}); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	path := filepath.Join(dir, "state.json")
	state, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	state = bytes.Replace(state, []byte(`"secretsmanager":""`), []byte(`"secretsmanager":"`+server.URL+`"`), 1)
	if err := os.WriteFile(path, state, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := local.ReadState(dir); err != nil || s.SecretsManager != server.URL {
		t.Fatalf("state = %+v, %v, want the endpoint %s", s, err, server.URL)
	}
	d, err := (&stageFlags{dir: dir}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{deployment: d, t: t, dir: dir}
	o.newKeys()
	return o
}

// try runs a command with the given standard input.
func (o *operator) try(stdin string, args ...string) (string, error) {
	o.t.Helper()
	var out bytes.Buffer
	root := &cobra.Command{Use: "tipstaff", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(newRegistryCommand(), newUpstreamCommand(), newUserCommand(), newSessionCommand(), newAuditCommand())
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs(append(args, "--dir", o.dir))
	err := root.ExecuteContext(o.t.Context())
	return out.String(), err
}

// says runs a command that must succeed and print what matches a pattern.
func (o *operator) says(pattern, stdin string, args ...string) {
	o.t.Helper()
	out, err := o.try(stdin, args...)
	if err != nil || !regexp.MustCompile(`\A`+pattern+`\z`).MatchString(out) {
		o.t.Errorf("tipstaff %s = %q, %v, want it to match %s", strings.Join(args, " "), out, err, pattern)
	}
}

func (o *operator) fails(want, stdin string, args ...string) {
	o.t.Helper()
	if out, err := o.try(stdin, args...); err == nil || err.Error() != want || out != "" {
		o.t.Errorf("tipstaff %s = %q, %v, want %q", strings.Join(args, " "), out, err, want)
	}
}

func (o *operator) user(name string) *identity.User {
	o.t.Helper()
	u, err := o.find(o.t.Context(), name)
	if err != nil {
		o.t.Fatal(err)
	}
	return u
}

// signIn gives a user a session, if their password is right.
func (o *operator) signIn(name, password string) (*session.Grant, error) {
	o.t.Helper()
	u := o.user(name)
	ok, _, err := o.roster().Check(o.t.Context(), u, password)
	if err != nil {
		o.t.Fatal(err)
	}
	if !ok {
		return nil, errors.New("wrong password")
	}
	g, err := o.sessions().CreateGrant(o.t.Context(), session.NewGrant{
		Subject: u.Subject, AuthGen: u.AuthGen, Client: "app", AuthTime: time.Now(), Idle: time.Hour, Absolute: time.Hour,
		ClientInfo: session.ClientInfo{IP: "192.0.2.0/24", Agent: "Firefox on\x1b[2J Linux"},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return g, nil
}

func (o *operator) mustSignIn(name, password string) *session.Grant {
	o.t.Helper()
	g, err := o.signIn(name, password)
	if err != nil {
		o.t.Fatalf("sign-in of %s = %v", name, err)
	}
	return g
}

func (o *operator) live(g *session.Grant) bool {
	o.t.Helper()
	_, err := o.sessions().Grant(o.t.Context(), g.Subject, g.ID)
	if err != nil && !errors.Is(err, session.ErrEnded) {
		o.t.Fatal(err)
	}
	return err == nil
}

const (
	first  = "the first password of ann"
	second = "the second password of ann"
)

func TestUserCommand(t *testing.T) {
	o := newOperator(t)
	o.says("USER  SUBJECT  SIGN-IN  NAME  EMAIL\n", "", "user", "list")
	o.says(`added ann as usr_\w{26}\n`, first+"\n", "user", "add", "ann", "--name", "Ann Example", "--email", "ann@example.com")
	o.says(`added bob as usr_\w{26}\n`, "", "user", "add", "bob", "--no-password")
	o.fails(`there is a user "Ann" already`, first, "user", "add", "Ann")
	o.fails(`password is shorter than 8 characters`, "short", "user", "add", "carl")
	o.fails("there is no password on the standard input", "\n", "user", "add", "carl")
	o.fails(`there is no user "carl"`, second, "user", "set-password", "carl")
	o.says(`USER  SUBJECT +SIGN-IN   NAME         EMAIL\n`+
		`ann   usr_\w{26}  password  Ann Example  ann@example.com\n`+
		`bob   usr_\w{26}  none      -            -\n`, "", "user", "list")

	g := o.mustSignIn("ann", first)
	o.fails("password is one of the most common passwords", "iloveyou", "user", "set-password", "ann")
	o.says("set the password of ann and ended 1 session\n", second+"\r\n", "user", "set-password", "ANN")
	if _, err := o.signIn("ann", first); err == nil || o.live(g) {
		t.Errorf("after set-password the old one = %v and its session lives: %v", err, o.live(g))
	}
	g = o.mustSignIn("ann", second)
	o.mustSignIn("ann", second)
	o.says("disabled ann and ended 2 sessions\n", "", "user", "disable", "ann")
	o.says("ann is disabled already\n", "", "user", "disable", "ann")
	if _, err := o.signIn("ann", second); err == nil || o.live(g) {
		t.Errorf("after disable the password = %v and a session lives: %v", err, o.live(g))
	}
	o.says("enabled ann\n", "", "user", "enable", "ann")
	o.says("ann is not disabled\n", "", "user", "enable", "ann")
	if o.live(g) {
		t.Error("enable brought a session back")
	}
	o.mustSignIn("ann", second)
	o.says(`(?s)USER.*ann +usr_\w{26}  password.*`, "", "user", "list")
}

// The hash that the command stores contains the pepper of the stage.
func TestUserCommandPeppers(t *testing.T) {
	o := newOperator(t)
	o.says(`added ann as .*\n`, first, "user", "add", "ann")
	people := o.roster()
	people.Peppers = func(context.Context, string) (identity.Pepper, error) { return identity.Pepper{}, identity.ErrPepper }
	if ok, _, err := people.Check(t.Context(), o.user("ann"), first); ok || !errors.Is(err, identity.ErrPepper) {
		t.Errorf("Check without the stage's pepper = %v, %v, want ErrPepper", ok, err)
	}
}

func TestSessionCommand(t *testing.T) {
	o := newOperator(t)
	o.says(`added ann as .*\n`, first, "user", "add", "ann")
	o.says("ID  KIND  CLIENT  CREATED  USED  EXPIRES  FROM  DEVICE\n", "", "session", "list", "--user", "ann")
	one, two, three := o.mustSignIn("ann", first), o.mustSignIn("ann", first), o.mustSignIn("ann", first)
	out, err := o.try("", "session", "list", "--user", "ann")
	line := regexp.MustCompile(`(?m)^` + one.ID + `  grant  app     (\S{20}  ){3}192\.0\.2\.0/24  Firefox on\?\[2J Linux$`)
	if err != nil || !line.MatchString(out) || strings.Count(out, "\n") != 4 {
		t.Errorf("session list = %q, %v, want a line that matches %s and two others", out, err, line)
	}
	o.fails(`user ann has no session with the id "other"`, "", "session", "end", "--user", "ann", "--id", "other")
	o.says("ended 1 session of ann\n", "", "session", "end", "--user", "ann", "--id", one.ID)
	if o.live(one) || !o.live(two) || !o.live(three) {
		t.Errorf("after the end of the first, live = %v, %v, %v", o.live(one), o.live(two), o.live(three))
	}
	o.says("ended 2 sessions of ann\n", "", "session", "end", "--user", "ann", "--all")
	if o.live(two) || o.live(three) {
		t.Error("after the end of all, some are live")
	}
	o.says("ended 0 sessions of ann\n", "", "session", "end", "--user", "ann", "--all")
	o.fails(`there is no user "bob"`, "", "session", "list", "--user", "bob")
	o.fails(`required flag(s) "user" not set`, "", "session", "list")
	o.fails("at least one of the flags in the group [id all] is required", "", "session", "end", "--user", "ann")
	o.fails("if any flags in the group [id all] are set none of the others can be; [all id] were all set", "",
		"session", "end", "--user", "ann", "--id", one.ID, "--all")
}

func TestAuditCommand(t *testing.T) {
	o := newOperator(t)
	o.says("TIME  ACTION  OUTCOME  ACTOR  OBJECT  DETAIL\n", "", "audit", "list")
	o.says(`added ann as .*\n`, first, "user", "add", "ann")
	time.Sleep(2 * time.Millisecond) // entries of one millisecond are in no order
	o.says(`added bob as .*\n`, "", "user", "add", "bob", "--no-password")
	time.Sleep(2 * time.Millisecond)
	o.says("disabled ann and ended 0 sessions\n", "", "user", "disable", "ann")
	ann, bob := o.user("ann").Subject, o.user("bob").Subject
	const row = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  %s +success  local operator \S+  user#%s  .*\n`
	line := func(action, subject string) string {
		return strings.Replace(strings.Replace(row, "%s", action, 1), "%s", subject, 1)
	}
	header := `TIME +ACTION +OUTCOME  ACTOR +OBJECT +DETAIL\n`
	o.says(header+line("user.disable", ann)+line("user.create", bob)+line("user.create", ann), "", "audit", "list")
	o.says(header+line("user.disable", ann), "", "audit", "list", "--limit", "1")
	o.says(header+line("user.disable", ann)+line("user.create", ann), "", "audit", "list", "--subject", ann)
	o.says(header+line("user.create", bob)+line("user.create", ann), "", "audit", "list", "--action", "user.create", "--since", "2d")
	o.says(header+line("user.create", bob), "", "audit", "list", "--action", "user", "--subject", bob, "--since", "1h")
	o.says(`TIME  ACTION.*\n`, "", "audit", "list", "--action", "client")
	o.fails(`--since is "yesterday", not a time such as 90m, 24h or 7d`, "", "audit", "list", "--since", "yesterday")
	o.fails(`--since is "-1h", not a time such as 90m, 24h or 7d`, "", "audit", "list", "--since", "-1h")
	o.fails("--limit is 0, less than 1", "", "audit", "list", "--limit", "0")
}

// No command writes a password to its output, to the trail or into an error.
func TestCommandsKeepSecrets(t *testing.T) {
	o := newOperator(t)
	var all strings.Builder
	for _, args := range [][]string{
		{"user", "add", "ann"},
		{"user", "add", "ann"},
		{"user", "set-password", "ann"},
		{"user", "set-password", "bob"},
		{"user", "disable", "ann"},
		{"user", "list"},
		{"audit", "list"},
	} {
		out, err := o.try(first, args...)
		all.WriteString(out)
		if err != nil {
			all.WriteString(err.Error())
		}
	}
	entries, err := o.trail().List(t.Context(), o.db, audit.Query{Since: time.Now().Add(-time.Hour), Limit: 100})
	if err != nil || len(entries) != 3 {
		t.Fatalf("trail = %v, %v, want three entries", entries, err)
	}
	for _, e := range entries {
		all.WriteString(detail(e.Detail) + e.Object + e.Actor)
	}
	for _, secret := range []string{first, "argon2id"} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("output and trail hold %q:\n%s", secret, all.String())
		}
	}
}
