// Package mail sends mail to users.
//
// # Messages
//
// All mail is plain text to one user. There are two senders: Amazon SES, and on a
// developer's machine a folder of files. [Message.Check] allows only what both can
// carry. Above all no header field contains a line end. So a name or an address that an
// attacker chose cannot add a recipient or a text.
//
// # Delivery
//
// A mail may be lost, late, or read by others on its way. So it carries nothing but a
// link that works once and for a short time, and nothing depends on its arrival.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// Message is a mail to one user.
type Message struct {
	// To is a bare address without a display name, in ASCII.
	To string
	// Subject is one line.
	Subject string
	// Text has lines of at most 998 bytes, which end with "\n".
	Text string
}

// ErrMessage is returned when a message is not valid. A retry does not help.
var ErrMessage = errors.New("message is not one that can be sent")

// Sender sends mail. A nil error means that the mail is on its way, not that it
// arrived. After an error it may be on its way, too.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Open returns the sender for a policy, or nil when the policy is to send nothing. Only
// SES needs the configuration.
func Open(p contract.MailPolicy, ses aws.Config, now func(context.Context) time.Time) Sender {
	switch {
	case p.From != "":
		return &SES{Client: sesv2.NewFromConfig(ses), From: p.From}
	case p.Folder != "":
		return &Folder{Path: p.Folder, Now: now}
	}
	return nil
}

const (
	// maxAddress is the length of the longest address (RFC 5321 §4.5.3.1.3, less
	// its brackets), and maxLine of the longest line (RFC 5322 §2.1.1).
	maxAddress = 254
	maxLine    = 998
	maxSubject = 200
	maxText    = 64 << 10
)

// Check returns an error that wraps [ErrMessage] when the message is not valid. Every
// Sender calls it before it sends.
func (m Message) Check() error {
	for _, line := range strings.Split(m.Text, "\n") {
		if len(line) > maxLine {
			return fmt.Errorf("a line of the text is too long: %w", ErrMessage)
		}
	}
	switch {
	case !isAddress(m.To):
		return fmt.Errorf("the address of the user is not valid: %w", ErrMessage)
	case m.Subject == "" || len(m.Subject) > maxSubject || !clean(m.Subject, "") ||
		strings.TrimSpace(m.Subject) != m.Subject || strings.Contains(m.Subject, "=?"): // an encoded word
		return fmt.Errorf("the subject is empty, too long or not one plain line: %w", ErrMessage)
	case m.Text == "" || len(m.Text) > maxText || !clean(m.Text, "\n"):
		return fmt.Errorf("the text is empty, too long or no text: %w", ErrMessage)
	}
	return nil
}

// isAddress reports whether s is an address in its plain spelling.
func isAddress(s string) bool {
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && len(s) <= maxAddress &&
		!strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"(),:;<>[\]`, c) })
}

// clean reports whether s is valid text without control characters, except those in
// allowed, and without the line ends of Unicode.
func clean(s, allowed string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool {
		control := c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029'
		return control && !strings.ContainsRune(allowed, c)
	})
}
