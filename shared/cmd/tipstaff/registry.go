package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/registry"
)

// registryFlags are what plan and apply have in common.
type registryFlags struct {
	file, dir, stage string
	prune            bool
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
	cmd.Flags().StringVar(&f.dir, "dir", local.DefaultDir, "folder of the local stack")
	cmd.Flags().StringVar(&f.stage, "stage", "", "deployed stage, staging or prod, instead of the local stack")
	cmd.Flags().BoolVar(&f.prune, "prune", false, "delete what is in the registry and not in the file")
	cmd.MarkFlagsMutuallyExclusive("dir", "stage")
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
	open := f.deployed
	if f.stage == "" {
		open = f.local
	}
	db, stage, actor, err := open(ctx)
	if err != nil {
		return nil, err
	}
	table := func(r contract.Resource) string {
		t, _ := contract.FindTable(r)
		return contract.TableName(stage, t)
	}
	return &registry.Store{
		DB: db, Table: table(contract.Registry), Actor: actor,
		Trail: &audit.Trail{Table: table(contract.Audit), Days: contract.AuditDays[stage], Now: time.Now},
	}, nil
}

func (f *registryFlags) local(context.Context) (db *dynamodb.Client, stage, actor string, err error) {
	state, err := local.ReadState(f.dir)
	if err != nil {
		return nil, "", "", err
	}
	actor = "local operator"
	if u, err := user.Current(); err == nil {
		actor += " " + u.Username
	}
	return engine.Client(state.DynamoDB), state.Stage, actor, nil
}

// deployed finds the stage by the usual AWS configuration. The actor is who
// AWS says we are.
func (f *registryFlags) deployed(ctx context.Context) (db *dynamodb.Client, stage, actor string, err error) {
	if f.stage != "staging" && f.stage != "prod" {
		return nil, "", "", fmt.Errorf("--stage is %q, not staging or prod", f.stage)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, "", "", fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, "", "", errors.New("no AWS region: set AWS_REGION or choose a profile that has one")
	}
	caller, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, "", "", fmt.Errorf("ask AWS who we are: %w", err)
	}
	return dynamodb.NewFromConfig(cfg), f.stage, *caller.Arn, nil
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
