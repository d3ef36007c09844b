// Package mail builds the mail sender of a function.
package mail

import (
	"time"

	"github.com/tipstaff/tipstaff/shared/mail"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

// patience is the time limit for an answer of SES.
const patience = 10 * time.Second

// Sender returns the mail sender of e, or nil in a stage that sends no mail. It makes one
// call per mail and no retry, because SES sends a mail for every call that it accepted.
func Sender(e *wire.Env) mail.Sender {
	cfg := aws.Once(e, patience)
	cfg.BaseEndpoint = aws.Endpoint(e, "SESV2")
	return mail.Open(e.Mail, cfg, e.Now)
}
