package contract

import (
	"errors"
	"strings"
)

// MailPolicy is how a stage sends mail. The zero value sends none.
type MailPolicy struct {
	// From is the address of the sender, with SES.
	From string
	// Folder is where mail is written as files instead, on a developer's machine.
	Folder string
}

const (
	mailSES  = "ses:"
	mailFile = "file:"
)

// ParseMail reads the value of EnvMail: "off", "ses:" with the address of the
// sender, or "file:" with a folder.
func ParseMail(value string) (MailPolicy, error) {
	if value == off {
		return MailPolicy{}, nil
	}
	if from, ok := strings.CutPrefix(value, mailSES); ok && isAddress(from) {
		return MailPolicy{From: from}, nil
	}
	if folder, ok := strings.CutPrefix(value, mailFile); ok && folder != "" {
		return MailPolicy{Folder: folder}, nil
	}
	return MailPolicy{}, errors.New("it is none of off, ses:<address> and file:<folder>")
}

// isAddress reports whether s is a bare address without a display name, in
// characters that need no quotes.
func isAddress(s string) bool {
	local, host, _ := strings.Cut(s, "@")
	return local != "" && host != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("\"(),:;<>[\\]", c)
	}) && !strings.Contains(host, "@")
}

// String returns the value that [ParseMail] reads.
func (p MailPolicy) String() string {
	switch {
	case p.From != "":
		return mailSES + p.From
	case p.Folder != "":
		return mailFile + p.Folder
	}
	return off
}

// Off reports whether no mail is sent.
func (p MailPolicy) Off() bool { return p == MailPolicy{} }
