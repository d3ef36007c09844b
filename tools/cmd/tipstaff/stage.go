package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/session"
	wirevault "github.com/tipstaff/tipstaff/shared/wire/vault"
	"github.com/tipstaff/tipstaff/tools/registry"
)

// stageFlags choose the stage on which a command works: the local stack of a folder,
// or a deployed stage.
type stageFlags struct{ dir, stage string }

func (f *stageFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "dir", local.DefaultDir, "folder of the local stack")
	cmd.Flags().StringVar(&f.stage, "stage", "", "deployed stage, "+strings.Join(contract.StageNames(), " or ")+", instead of the local stack")
	cmd.MarkFlagsMutuallyExclusive("dir", "stage")
}

// deployment is a stage as an operator reaches it.
type deployment struct {
	db      *dynamodb.Client
	secrets *secretsmanager.Client
	stage   string
	// actor is the operator as the audit trail names them.
	actor string
	// local reports whether it is the local stack. Only then are the issuer and the
	// way it sends mail known; for a deployed stage flags give them.
	local  bool
	issuer string
	mail   contract.MailPolicy
	// aws is the AWS configuration for a deployed stage.
	aws aws.Config
}

// open finds the stage that the flags name.
func (f *stageFlags) open(ctx context.Context) (*deployment, error) {
	if f.stage != "" {
		return f.deployed(ctx)
	}
	return f.local()
}

func (f *stageFlags) local() (*deployment, error) {
	state, err := local.ReadState(f.dir)
	if err != nil {
		return nil, err
	}
	actor := "local operator"
	if u, err := user.Current(); err == nil {
		actor += " " + u.Username
	}
	policy, err := contract.ParseMail(state.Mail)
	if err != nil {
		return nil, fmt.Errorf("where the local stack puts mail: %w", err)
	}
	return &deployment{
		db: engine.Client(state.DynamoDB),
		secrets: secretsmanager.New(secretsmanager.Options{
			Region: state.Region, BaseEndpoint: &state.SecretsManager,
			Credentials: credentials.NewStaticCredentialsProvider("operator", "operator", ""),
		}),
		stage: state.Stage, actor: actor, local: true, issuer: state.URL, mail: policy,
	}, nil
}

// deployed finds the stage by the usual AWS configuration. The actor is the caller
// identity that AWS reports.
func (f *stageFlags) deployed(ctx context.Context) (*deployment, error) {
	if _, ok := contract.FindStage(f.stage); !ok {
		return nil, fmt.Errorf("--stage is %q, not %s", f.stage, strings.Join(contract.StageNames(), " or "))
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region: set AWS_REGION or choose a profile that has one")
	}
	caller, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, fmt.Errorf("ask AWS who we are: %w", err)
	}
	return &deployment{
		db: dynamodb.NewFromConfig(cfg), secrets: secretsmanager.NewFromConfig(cfg),
		stage: f.stage, actor: *caller.Arn, aws: cfg,
	}, nil
}

func (d *deployment) table(r contract.Resource) string {
	t, _ := contract.FindTable(r)
	return contract.TableName(d.stage, t)
}

func (d *deployment) secret(r contract.Resource) string {
	i := slices.IndexFunc(contract.Secrets, func(s contract.Secret) bool { return s.Name == r })
	return contract.SecretName(d.stage, contract.Secrets[i])
}

func (d *deployment) trail() *audit.Trail {
	stage, _ := contract.FindStage(d.stage) // a local stack may have another name and keeps everything
	return &audit.Trail{Table: d.table(contract.Audit), Days: stage.AuditDays, Now: httpapi.Now}
}

func (d *deployment) registry() *registry.Store {
	return &registry.Store{
		DB: d.db, Table: d.table(contract.Registry), Actor: d.actor, Trail: d.trail(), Sessions: d.sessions(),
	}
}

func (d *deployment) sessions() *session.Store {
	return &session.Store{
		DB: d.db, Sessions: d.table(contract.Sessions), Registry: d.table(contract.Registry),
		Trail: d.trail(), Now: httpapi.Now,
	}
}

func (d *deployment) roster() *admin.Store {
	held := &vault.Vault{
		Client: d.secrets, Secret: d.secret(contract.Keys), Now: httpapi.Now,
	}
	return &admin.Store{Actor: d.actor, Store: &identity.Store{
		DB: d.db, Registry: d.table(contract.Registry), Peppers: wirevault.Peppers(held), Trail: d.trail(), Now: httpapi.Now,
	}}
}

func (d *deployment) tickets() *onetime.Store {
	return &onetime.Store{DB: d.db, Sessions: d.table(contract.Sessions), Trail: d.trail(), Now: httpapi.Now}
}

// find returns a user by name, from a consistent read of the table.
func (d *deployment) find(ctx context.Context, name string) (*identity.User, error) {
	all := d.roster()
	u, err := all.Find(ctx, name)
	if errors.Is(err, identity.ErrUnknown) {
		return nil, fmt.Errorf("there is no user %q", name)
	}
	if err != nil {
		return nil, err
	}
	return all.Get(ctx, u.Subject)
}
