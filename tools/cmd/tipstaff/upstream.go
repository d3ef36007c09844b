package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/secrets"
)

func newUpstreamCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "upstream",
		Short: "Manage our client secrets at upstreams, the other issuers that users sign in with",
		Long: `Manage our client secrets at upstreams, the other issuers that users sign in with.
The registry file describes the upstreams. The client secret that an issuer gave us
is kept in Secrets Manager only. The command asks for it at the terminal or reads it
from the standard input. It is never an argument, because other processes can see
arguments.

Register this redirect URI at the issuer:
  <URL of this server>/upstream/<ID>/callback`,
	}
	cmd.AddCommand(newUpstreamListCommand(), newUpstreamSetSecretCommand(), newUpstreamRemoveSecretCommand())
	return cmd
}

func (d *deployment) upstreams() *upstream.Store {
	return &upstream.Store{DB: d.db, Registry: d.table(contract.Registry), Now: httpapi.Now}
}

func (d *deployment) clientSecrets() *secrets.Editor {
	return &secrets.Editor{
		Client: d.secrets, Name: d.secret(contract.Upstreams), DB: d.db, Trail: d.trail(), Actor: d.actor,
	}
}

// aboutUpstream returns a command on the client secret of one upstream.
func aboutUpstream(use, short string, run func(cmd *cobra.Command, d *deployment, id string) error) *cobra.Command {
	var flags stageFlags
	cmd := &cobra.Command{
		Use: use + " ID", Short: short, Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !upstream.ValidID(args[0]) {
				return fmt.Errorf(`upstream id %q is not 1 to 32 lower-case letters, digits and "-"`, args[0])
			}
			d, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			return run(cmd, d, args[0])
		},
	}
	flags.register(cmd)
	return cmd
}

func newUpstreamSetSecretCommand() *cobra.Command {
	return aboutUpstream("set-secret", "Store our client secret at an upstream, replacing the previous one",
		func(cmd *cobra.Command, d *deployment, id string) error {
			secret, err := readClientSecret(cmd, id)
			if err != nil {
				return err
			}
			if err := d.clientSecrets().Set(cmd.Context(), id, secret); err != nil {
				return err
			}
			if err := say(cmd, "set the client secret of %s; every function uses it within a minute", id); err != nil {
				return err
			}
			all, err := d.upstreams().All(cmd.Context())
			if err == nil && !slices.ContainsFunc(all, func(u *upstream.Upstream) bool { return u.ID == id }) {
				return say(cmd, "the registry has no upstream %s yet", id)
			}
			return err
		})
}

func newUpstreamRemoveSecretCommand() *cobra.Command {
	return aboutUpstream("remove-secret", "Delete our client secret at an upstream",
		func(cmd *cobra.Command, d *deployment, id string) error {
			if err := d.clientSecrets().Remove(cmd.Context(), id); err != nil {
				return err
			}
			return say(cmd, "removed the client secret of %s; revoke it at the issuer as well", id)
		})
}

func newUpstreamListCommand() *cobra.Command {
	var flags stageFlags
	cmd := &cobra.Command{
		Use: "list", Short: "List all upstreams and whether a client secret is set", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			rows, err := d.listUpstreams(cmd.Context())
			if err != nil {
				return err
			}
			return printTable(cmd.OutOrStdout(), []string{"UPSTREAM", "STATE", "SECRET", "TYPE", "FIRST SIGN-IN", "CLIENT", "ISSUER", "NAME"}, rows)
		},
	}
	flags.register(cmd)
	return cmd
}

func (d *deployment) listUpstreams(ctx context.Context) ([][]string, error) {
	all, err := d.upstreams().All(ctx)
	if err != nil {
		return nil, err
	}
	secrets, err := d.clientSecrets().IDs(ctx)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, u := range all {
		state, secret := "enabled", ""
		if u.Disabled {
			state = "disabled"
		}
		if i := slices.Index(secrets, u.ID); i >= 0 {
			secret, secrets = "set", slices.Delete(secrets, i, i+1)
		}
		rows = append(rows, []string{u.ID, state, secret, u.Type, u.FirstSignIn, u.ClientID, u.Issuer, u.Name})
	}
	for _, id := range secrets {
		rows = append(rows, []string{id, "not in the registry", "set", "", "", "", "", ""})
	}
	return rows, nil
}
