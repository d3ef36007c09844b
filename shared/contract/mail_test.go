package contract_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

func TestParseMail(t *testing.T) {
	for value, want := range map[string]contract.MailPolicy{
		"off":                       {},
		"ses:login@example.com":     {From: "login@example.com"},
		"ses:a+b.c_d@x":             {From: "a+b.c_d@x"},
		"file:/var/tmp/mail":        {Folder: "/var/tmp/mail"},
		"file:mail":                 {Folder: "mail"},
		"file:/a folder: of @ mail": {Folder: "/a folder: of @ mail"},
	} {
		got, err := contract.ParseMail(value)
		if err != nil || got != want || got.String() != value || got.Off() != (value == "off") {
			t.Errorf("ParseMail(%q) = %+v, %v, which is %q and off: %v; want %+v", value, got, err, got, got.Off(), want)
		}
	}
	for _, value := range []string{
		"", "on", "Off", "off ", "ses", "ses:", "ses:@", "ses:login", "ses:@example.com", "ses:login@", "ses:a@b@example.com",
		"ses:Login <login@example.com>", "ses:login@example.com,all@example.com", "ses:login@example.com\r\nBcc: all@example.com",
		"ses: login@example.com", "ses:lögin@example.com", "file", "file:", "smtp:mail.example.com", "login@example.com",
	} {
		if got, err := contract.ParseMail(value); err == nil || !got.Off() {
			t.Errorf("ParseMail(%q) = %+v, %v, want an error and nothing", value, got, err)
		}
	}
}

// FuzzParseMail: String returns what ParseMail read, and an address is one line.
func FuzzParseMail(f *testing.F) {
	for _, value := range []string{"off", "ses:login@example.com", "file:/mail", "ses:\n@\n", "ses:", "file:"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		p, err := contract.ParseMail(value)
		if err == nil && p.String() != value {
			t.Errorf("ParseMail(%q) is %q", value, p)
		}
		if strings.ContainsAny(p.From, "\r\n <>,") {
			t.Errorf("ParseMail(%q) has the address %q", value, p.From)
		}
	})
}

// The mail identity is no environment variable of its own. Only the function that
// sends gets the address. A function that queues mail gets only whether the stage
// sends any.
func TestOnlyTheSenderGetsTheAddress(t *testing.T) {
	for _, f := range contract.Functions() {
		sends := slices.ContainsFunc(f.Needs, func(n contract.Need) bool { return n.Resource == contract.Mail })
		env := f.Env()
		if told := slices.Contains(env, contract.EnvMail); told != f.Mails || sends && !told {
			t.Errorf("%s is told of mail: %v, sends mail: %v, asks to be told: %v", f.Name, told, sends, f.Mails)
		}
		if n := len(env); n != len(slices.Compact(slices.Sorted(slices.Values(env)))) {
			t.Errorf("%s has a variable twice: %q", f.Name, env)
		}
		if sends && f.Name != contract.SendMail.Name {
			t.Errorf("%s may send mail; only %s should", f.Name, contract.SendMail.Name)
		}
	}
}

// Every need names an existing resource and an existing index.
func TestEveryNeedNamesAResource(t *testing.T) {
	for _, f := range contract.Functions() {
		for _, n := range f.Needs {
			table, isTable := contract.FindTable(n.Resource)
			isSecret := slices.ContainsFunc(contract.Secrets, func(s contract.Secret) bool { return s.Name == n.Resource })
			if !isTable && !isSecret && n.Resource != contract.Mail || len(n.Actions) == 0 {
				t.Errorf("%s needs %v on %q, which is nothing", f.Name, n.Actions, n.Resource)
			}
			indexed := slices.ContainsFunc(table.Indexes, func(i contract.Index) bool { return i.Name == n.Index })
			if n.Index != "" && (!indexed || !slices.Equal(n.Actions, []contract.Action{contract.Query})) {
				t.Errorf("%s needs %v on the index %q of %q, want a query on one that there is", f.Name, n.Actions, n.Index, n.Resource)
			}
		}
	}
}

// A new secret has a format, and each format belongs to one secret.
func TestSecretsHaveFormats(t *testing.T) {
	formats := map[string]bool{}
	for _, s := range contract.Secrets {
		if s.Format == "" || s.Summary == "" || formats[s.Format] {
			t.Errorf("the secret %s is %q of the format %q, want a summary and a format of its own", s.Name, s.Summary, s.Format)
		}
		formats[s.Format] = true
	}
}
