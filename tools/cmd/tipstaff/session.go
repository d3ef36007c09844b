package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/session"
)

func newSessionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "session", Short: "List and end the sessions of users"}
	cmd.AddCommand(newSessionListCommand(), newSessionEndCommand())
	return cmd
}

func newSessionListCommand() *cobra.Command {
	var flags stageFlags
	var name string
	cmd := &cobra.Command{
		Use: "list --user NAME", Short: "List the sessions of a user", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			u, err := d.find(cmd.Context(), name)
			if err != nil {
				return err
			}
			items, err := d.sessions().List(cmd.Context(), u.Subject)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, i := range items {
				rows = append(rows, []string{
					i.ID, string(i.Kind), i.Client, moment(i.Created), moment(i.Used), moment(i.Expires), i.IP, i.Agent,
				})
			}
			columns := []string{"ID", "KIND", "CLIENT", "CREATED", "USED", "EXPIRES", "FROM", "DEVICE"}
			return printTable(cmd.OutOrStdout(), columns, rows)
		},
	}
	flags.register(cmd)
	userFlag(cmd, &name)
	return cmd
}

func newSessionEndCommand() *cobra.Command {
	var flags stageFlags
	var name, id string
	var all bool
	cmd := &cobra.Command{
		Use: "end --user NAME (--id ID | --all)", Short: "End sessions of a user", Args: cobra.NoArgs,
		Long: `End one session of a user, by its id in "session list", or all of them. The end of
a browser session also ends the sessions of applications that began in it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			u, err := d.find(cmd.Context(), name)
			if err != nil {
				return err
			}
			cause := session.Cause{Why: session.Admin, Actor: d.actor}
			var ended int
			if all {
				ended, err = d.sessions().EndAll(cmd.Context(), u.Subject, cause)
			} else {
				ended, err = d.sessions().EndItem(cmd.Context(), u.Subject, id, cause)
			}
			if errors.Is(err, session.ErrUnknown) {
				return fmt.Errorf("user %s has no session with the id %q", u.UserName, id)
			}
			if err != nil {
				return err
			}
			return say(cmd, "ended %s of %s", many(ended, "session"), u.UserName)
		},
	}
	flags.register(cmd)
	userFlag(cmd, &name)
	cmd.Flags().StringVar(&id, "id", "", "end the session with this id")
	cmd.Flags().BoolVar(&all, "all", false, "end all sessions")
	cmd.MarkFlagsOneRequired("id", "all")
	cmd.MarkFlagsMutuallyExclusive("id", "all")
	return cmd
}

// userFlag adds a flag that must be given.
func userFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "user", "", "user name")
	if err := cmd.MarkFlagRequired("user"); err != nil {
		panic(err) // the flag was not defined
	}
}
