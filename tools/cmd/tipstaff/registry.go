package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/tools/registry"
)

// registryFlags are what plan and apply have in common.
type registryFlags struct {
	stageFlags
	file  string
	prune bool
}

func newRegistryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Clients, resources and users of a stage, as a file describes them",
	}
	cmd.AddCommand(newRegistryPlanCommand(), newRegistryApplyCommand(), newRegistrySecretCommand())
	return cmd
}

func newRegistryPlanCommand() *cobra.Command {
	var flags registryFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would change",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, plan, err := flags.plan(cmd.Context())
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), plan.String())
			return err
		},
	}
	flags.register(cmd)
	return cmd
}

func newRegistryApplyCommand() *cobra.Command {
	var flags registryFlags
	var yes bool
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Bring the registry to the state of the file and print new secrets once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, plan, err := flags.plan(cmd.Context())
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if _, err := io.WriteString(out, plan.String()); err != nil {
				return err
			}
			if n := plan.Count(registry.Delete); n > 0 && !yes {
				return fmt.Errorf("nothing was applied: the plan deletes %d entries; add --yes if that is meant", n)
			}
			var lost error
			err = store.Apply(cmd.Context(), plan, func(a registry.Applied) {
				lost = errors.Join(lost, printApplied(out, a))
			})
			return errors.Join(err, lost)
		},
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "delete without asking, with --prune")
	return cmd
}

func newRegistrySecretCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "secret",
		Short: "Make a client secret and its SHA-256, for the secrets of a file",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			secret := client.NewSecret()
			sum := client.HashSecret(secret).SHA256
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "secret  %s\nsha256  %s\n", secret, hex.EncodeToString(sum[:]))
			return err
		},
	}
}

func (f *registryFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "file", "f", "registry.yaml", "registry file")
	f.stageFlags.register(cmd)
	cmd.Flags().BoolVar(&f.prune, "prune", false, "delete what is in the registry and not in the file")
}

// plan reads the file before it looks for a stage, so that a mistake in the
// file needs no network to be found.
func (f *registryFlags) plan(ctx context.Context) (*registry.Store, *registry.Plan, error) {
	data, err := os.ReadFile(f.file)
	if err != nil {
		return nil, nil, fmt.Errorf("read the registry file: %w", err)
	}
	doc, err := registry.Parse(f.file, data)
	if err != nil {
		return nil, nil, err
	}
	store, err := f.store(ctx)
	if err != nil {
		return nil, nil, err
	}
	plan, err := store.Plan(ctx, doc, f.prune)
	return store, plan, err
}

// store is the registry of the stage that the flags name.
func (f *registryFlags) store(ctx context.Context) (*registry.Store, error) {
	d, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	return d.registry(), nil
}

func printApplied(out io.Writer, a registry.Applied) error {
	done := map[registry.Op]string{registry.Create: "created", registry.Update: "updated", registry.Delete: "deleted"}[a.Op]
	if a.Unknown {
		done = "perhaps " + done
	}
	line := fmt.Sprintf("%s %s %s\n", done, a.Kind, a.ID)
	if a.Secret != "" {
		line += fmt.Sprintf("  client_secret %s (shown only now)\n", a.Secret)
	}
	if _, err := io.WriteString(out, line); err != nil {
		return fmt.Errorf("print that %s %s was applied: %w", a.Kind, a.ID, err)
	}
	return nil
}
