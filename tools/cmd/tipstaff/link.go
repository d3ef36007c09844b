package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/mail"
)

// linkFlags choose how a one-time link reaches its user.
type linkFlags struct {
	issuer, from string
	mail         bool
}

func (f *linkFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.issuer, "issuer", "", "issuer of a deployed stage, such as https://auth.example.com, which the link leads to")
	cmd.Flags().BoolVar(&f.mail, "mail", false, "send the link by mail and do not print it")
	cmd.Flags().StringVar(&f.from, "from", "", "address that mail of a deployed stage comes from")
}

// post delivers a link: it prints it or sends it by mail.
type post struct {
	issuer string
	// sender is nil when the link is printed.
	sender mail.Sender
}

// open decides where links lead and how they are sent.
func (f *linkFlags) open(d *deployment) (*post, error) {
	p := &post{issuer: cmp.Or(f.issuer, d.issuer)}
	if p.issuer == "" {
		return nil, errors.New("--issuer is not set: a link has to lead somewhere")
	}
	if u, err := url.Parse(p.issuer); err != nil || u.Host == "" || p.issuer != "https://"+u.Host && p.issuer != d.issuer {
		return nil, fmt.Errorf("--issuer is %q, not an origin such as https://auth.example.com", p.issuer)
	}
	if !f.mail {
		return p, nil
	}
	policy := d.mail
	switch {
	case d.local && policy.Off():
		return nil, errors.New("this stack runs with --mail off: leave out --mail here and give them the link")
	case !d.local:
		var err error
		if policy, err = contract.ParseMail("ses:" + f.from); err != nil {
			return nil, errors.New("--from is not the address that mail comes from")
		}
	}
	p.sender = mail.Open(policy, d.aws, httpapi.Now)
	return p, nil
}

// give makes a link and prints or sends it. The words are for the operator, on the
// standard error; they are no part of the output.
func (p *post) give(cmd *cobra.Command, d *deployment, n onetime.New, to string, words string) error {
	n.Actor = d.actor
	if n.By = "operator"; p.sender != nil {
		n.By = "mail"
	}
	t, text, err := d.tickets().Create(cmd.Context(), n)
	if err != nil {
		return err
	}
	link := onetime.URL(p.issuer, n.Kind, text)
	if p.sender == nil {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%s It works once, until %s.\n", words, t.Expires.Format(time.RFC3339))
		return say(cmd, "%s", link)
	}
	life := t.Expires.Sub(t.Created)
	m := mail.Invitation(to, p.issuer, link, life)
	if n.Kind == onetime.Recover {
		m = mail.Recovery(to, p.issuer, n.User.UserName, link, life)
	}
	if err := p.sender.Send(cmd.Context(), m); err != nil {
		return fmt.Errorf("a link was made, but the mail with it could not be sent: %w", err)
	}
	return say(cmd, "sent a link to %s; it works once, until %s", to, t.Expires.Format(time.RFC3339))
}

func newUserRecoverCommand() *cobra.Command {
	var flags linkFlags
	var reset bool
	cmd := about("recover", "Make a link with which a user chooses a new way to sign in",
		func(cmd *cobra.Command, d *deployment, u *identity.User) error {
			p, err := flags.open(d)
			if err != nil {
				return err
			}
			switch {
			case u.Disabled:
				return fmt.Errorf("%s is disabled and could not sign in: enable them first", u.UserName)
			case reset && !u.OTP:
				return fmt.Errorf("%s has no authenticator app to remove", u.UserName)
			case flags.mail && (u.Email == "" || !u.EmailVerified):
				return fmt.Errorf("%s has no verified e-mail address: leave out --mail and give them the link", u.UserName)
			}
			words := fmt.Sprintf("Give this link only to %s. Opening it is enough to take over the account, and using it ends every session of %s.", u.UserName, u.UserName)
			if u.OTP && !reset {
				words += " It asks for a code of the authenticator app; --reset-otp makes a link that removes the app."
			}
			return p.give(cmd, d, onetime.New{Kind: onetime.Recover, User: u, ResetOTP: reset}, u.Email, words)
		})
	cmd.Long = `Make a link with which a user chooses a new passkey or password.

The link works once, within 30 minutes. Using it ends every session of the user.
A user with an authenticator app needs a code of it as well, unless --reset-otp
removes the app.

To withdraw links that were not used, end the user's sessions:
tipstaff session end --user NAME --all`
	flags.register(cmd)
	cmd.Flags().BoolVar(&reset, "reset-otp", false, "remove the user's authenticator app, too")
	// Otherwise access to the user's mail alone would be enough to take over the
	// account.
	cmd.MarkFlagsMutuallyExclusive("reset-otp", "mail")
	return cmd
}

func newUserInviteCommand() *cobra.Command {
	var stage stageFlags
	var flags linkFlags
	var n onetime.New
	var days int
	cmd := &cobra.Command{
		Use: "invite", Short: "Make a link with which a new user creates an account", Args: cobra.NoArgs,
		Long: `Make a link with which a new user creates an account. They choose their user name
and how they sign in: with a passkey, a password or an account at an upstream.
The values of the flags are proposed to them. Only the address cannot be changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := stage.open(cmd.Context())
			if err != nil {
				return err
			}
			p, err := flags.open(d)
			if err != nil {
				return err
			}
			if days < 1 || days > int(onetime.MaxInviteLife/(24*time.Hour)) {
				return fmt.Errorf("--days is %d, not 1 to %d", days, onetime.MaxInviteLife/(24*time.Hour))
			}
			if err := invitable(cmd, d, n); err != nil {
				return err
			}
			n.Kind, n.Life = onetime.Invite, time.Duration(days)*24*time.Hour
			// Opening a link that was mailed proves access to the mail of that address.
			n.EmailVerified = n.EmailVerified || flags.mail
			return p.give(cmd, d, n, n.Email, "Give this link only to the person you invite.")
		},
	}
	stage.register(cmd)
	flags.register(cmd)
	cmd.Flags().StringVar(&n.UserName, "user-name", "", "user name to propose")
	cmd.Flags().StringVar(&n.Name, "name", "", "full name to propose")
	cmd.Flags().StringVar(&n.Email, "email", "", "e-mail address")
	cmd.Flags().BoolVar(&n.EmailVerified, "email-verified", false, "the address is verified; --mail verifies it too, since the link goes there")
	cmd.Flags().IntVar(&days, "days", int(onetime.InviteLife/(24*time.Hour)), "for how many days the link works")
	return cmd
}

// invitable returns what is wrong with the values that an invitation proposes,
// before the link exists.
func invitable(cmd *cobra.Command, d *deployment, n onetime.New) error {
	if n.Email == "" && (n.EmailVerified || cmd.Flags().Changed("mail")) {
		return errors.New("--email is missing")
	}
	proposed := admin.New{UserName: cmp.Or(n.UserName, "anybody"), Name: n.Name, Email: n.Email}
	if err := proposed.Check(); err != nil || n.UserName == "" {
		return err
	}
	_, err := d.roster().Find(cmd.Context(), n.UserName)
	if err == nil {
		return fmt.Errorf("there is a user %q already", n.UserName)
	}
	if errors.Is(err, identity.ErrUnknown) {
		return nil
	}
	return err
}
