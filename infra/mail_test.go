package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// mailing is the stage of the other tests with mail added.
func mailing() Stage {
	s := Staging
	s.Mail = &Mail{From: "login@example.com", Identity: "example.com"}
	return s
}

// A stage that sends mail allows only the sending function to use that identity. A
// stage without mail allows no function.
func TestMail(t *testing.T) {
	with := synthInto(t.TempDir(), Release{Commit: "unknown"}, mailing())[stackName(Staging, "service")]
	without := service(Staging)
	for _, f := range contract.Functions() {
		_, fn := with.lambda(t, Staging, f)
		_, before := without.lambda(t, Staging, f)
		got, want := grantsOf(t, with, fn), grantsOf(t, without, before)
		for _, g := range want {
			if strings.HasPrefix(g.action, "ses:") {
				t.Errorf("%s may %s on %s in a stage that sends no mail", f.Name, g.action, g.resource)
			}
		}
		if f.Name == contract.SendMail.Name {
			want = append(want, grant{"ses:SendEmail", "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/example.com"})
			slices.SortFunc(want, compareGrants)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s may %v in a stage that sends mail, want %v", f.Name, got, want)
		}
		var told any
		if f.Mails {
			told = "ses:login@example.com"
		}
		equal(t, f.Name+": "+contract.EnvMail, at(fn.Properties, "Environment", "Variables", contract.EnvMail), told)
	}
}

// grantsOf returns the permissions of the role of a function, sorted.
func grantsOf(t *testing.T, in template, fn resource) []grant {
	t.Helper()
	id, _, _ := strings.Cut(strings.TrimPrefix(text(fn.Properties["Role"]), "${"), ".")
	all := grants(t, in.Resources[id])
	slices.SortFunc(all, compareGrants)
	for _, g := range all {
		if strings.Contains(g.resource, "*") {
			t.Errorf("%s is allowed on %s, want no wildcard", g.action, g.resource)
		}
	}
	return all
}

// The functions can read the mail policy of a stage. Neither stage sends mail until its
// operator has an identity for it.
func TestMailPolicies(t *testing.T) {
	sending := mailing()
	for _, s := range append(slices.Clone(Stages), sending) {
		p, err := contract.ParseMail(s.Mail.policy())
		if err != nil || p.Off() != (s.Mail == nil) || p.Folder != "" {
			t.Errorf("%s: mail is %q, which is read as %+v, %v", s.Name, s.Mail.policy(), p, err)
		}
	}
	for _, s := range Stages {
		equal(t, s.Name+": mail", s.Mail == nil, true)
	}
	equal(t, "sender", sending.Mail.policy(), "ses:login@example.com")
}
