// Package mail gives a function its sender of mail.
package mail

import (
	"time"

	"github.com/tipstaff/tipstaff/shared/mail"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

// patience is how long SES may take to answer.
const patience = 10 * time.Second

// Sender returns the sender of e, nil in a stage that sends no mail. It makes one
// call for a mail and no second one: what SES has taken, it sends each time.
func Sender(e *wire.Env) mail.Sender {
	cfg := aws.Once(e, patience)
	cfg.BaseEndpoint = aws.Endpoint(e, "SESV2")
	return mail.Open(e.Mail, cfg, e.Now)
}
