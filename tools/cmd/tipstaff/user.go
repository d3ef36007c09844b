package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/session"
)

func newUserCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Manage users",
		Long: `Manage the users of a stage. A password is asked for at the terminal or read from
the standard input. It is never an argument, because other processes can see
arguments.`,
	}
	cmd.AddCommand(newUserAddCommand(), newUserPasswordCommand(), newUserDisableCommand(), newUserEnableCommand(),
		newUserRecoverCommand(), newUserInviteCommand(), newUserListCommand())
	return cmd
}

// about returns a command on one user.
func about(use, short string, run func(*cobra.Command, *deployment, *identity.User) error) *cobra.Command {
	var flags stageFlags
	cmd := &cobra.Command{
		Use: use + " NAME", Short: short, Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			u, err := d.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return run(cmd, d, u)
		},
	}
	flags.register(cmd)
	return cmd
}

func newUserAddCommand() *cobra.Command {
	var flags stageFlags
	var n admin.New
	var without bool
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a user", Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			if n.EmailVerified && n.Email == "" {
				return errors.New("--email is missing")
			}
			if n.UserName = args[0]; !without {
				if n.Password, err = readPassword(cmd, n.UserName); err != nil {
					return err
				}
			}
			u, err := d.roster().Create(cmd.Context(), n)
			if errors.Is(err, admin.ErrTaken) {
				return fmt.Errorf("there is a user %q already", n.UserName)
			}
			if err != nil {
				return err
			}
			return say(cmd, "added %s as %s", u.UserName, u.Subject)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&n.Name, "name", "", "full name")
	cmd.Flags().StringVar(&n.Email, "email", "", "e-mail address")
	cmd.Flags().BoolVar(&n.EmailVerified, "email-verified", false, "the address is verified: mail to the user may go there")
	cmd.Flags().BoolVar(&without, "no-password", false, "add a user who cannot sign in with a password")
	return cmd
}

func newUserPasswordCommand() *cobra.Command {
	return about("set-password", "Give a user a new password and end all sessions of the user",
		func(cmd *cobra.Command, d *deployment, u *identity.User) error {
			password, err := readPassword(cmd, u.UserName)
			if err != nil {
				return err
			}
			ended, err := d.setPassword(cmd.Context(), u, password)
			if err != nil {
				return err
			}
			return say(cmd, "set the password of %s and ended %s", u.UserName, many(ended, "session"))
		})
}

// setPassword gives a user a new password and returns how many sessions that ended.
func (d *deployment) setPassword(ctx context.Context, u *identity.User, password string) (ended int, err error) {
	change, err := d.roster().Password(ctx, u, password)
	if err != nil {
		return 0, err
	}
	return d.sessions().ChangeUser(ctx, u.Subject, dynamo.UserChange{Changes: change},
		session.Cause{Why: session.Password, Actor: d.actor, Action: audit.UserPassword})
}

func newUserDisableCommand() *cobra.Command {
	return about("disable", "Disable a user and end all sessions of the user",
		func(cmd *cobra.Command, d *deployment, u *identity.User) error {
			if u.Disabled {
				return disabledAlready(cmd, d, u)
			}
			ended, err := d.sessions().ChangeUser(cmd.Context(), u.Subject, admin.Disabled(),
				session.Cause{Why: session.Disabled, Actor: d.actor, Action: audit.UserDisable})
			if err != nil {
				return err
			}
			return say(cmd, "disabled %s and ended %s", u.UserName, many(ended, "session"))
		})
}

// disabledAlready completes what an earlier command may have left undone: when there
// are very many sessions, disabling ends only the first of them in its transaction.
func disabledAlready(cmd *cobra.Command, d *deployment, u *identity.User) error {
	left, err := d.sessions().List(cmd.Context(), u.Subject)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		return say(cmd, "%s is disabled already", u.UserName)
	}
	ended, err := d.sessions().EndAll(cmd.Context(), u.Subject, session.Cause{Why: session.Disabled, Actor: d.actor})
	if err != nil {
		return err
	}
	return say(cmd, "%s is disabled already; ended %s that were left", u.UserName, many(ended, "session"))
}

func newUserEnableCommand() *cobra.Command {
	return about("enable", "Let a disabled user sign in again",
		func(cmd *cobra.Command, d *deployment, u *identity.User) error {
			if !u.Disabled {
				return say(cmd, "%s is not disabled", u.UserName)
			}
			if err := d.roster().Enable(cmd.Context(), u); err != nil {
				return err
			}
			return say(cmd, "enabled %s", u.UserName)
		})
}

func newUserListCommand() *cobra.Command {
	var flags stageFlags
	cmd := &cobra.Command{
		Use: "list", Short: "List all users", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			users, err := d.roster().List(cmd.Context())
			if err != nil {
				return err
			}
			ways, err := d.roster().Ways(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, u := range users {
				rows = append(rows, []string{u.UserName, u.Subject, signIn(u, ways[u.Subject]), u.Name, u.Email})
			}
			return printTable(cmd.OutOrStdout(), []string{"USER", "SUBJECT", "SIGN-IN", "NAME", "EMAIL"}, rows)
		},
	}
	flags.register(cmd)
	return cmd
}

// signIn lists the ways in which a user may sign in.
func signIn(u *identity.User, w admin.Ways) string {
	if u.Disabled {
		return "disabled"
	}
	var all []string
	if u.HasPassword() {
		all = append(all, "password")
	}
	if w.Passkeys > 0 {
		all = append(all, many(w.Passkeys, "passkey"))
	}
	if w.Linked > 0 {
		all = append(all, fmt.Sprintf("%d linked", w.Linked))
	}
	if len(all) == 0 {
		all = append(all, "none")
	}
	if u.OTP {
		all = append(all, "app")
	}
	return strings.Join(all, ", ")
}

// say prints one line.
func say(cmd *cobra.Command, format string, args ...any) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...)
	return err
}
