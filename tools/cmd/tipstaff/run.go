package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/iam"
)

// envPort names the environment variable that chooses the port when no flag does.
const (
	envPort     = "PORT"
	defaultPort = 8080
)

func newRunCommand() *cobra.Command {
	var o local.Options
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a whole stage on this machine, from its committed templates",
		Long: `Run a whole stage on this machine: every table, secret, function and route of
the committed CloudFormation templates, with the real binaries of the functions
and a check of every AWS call against the role of its function. Ctrl-C stops it;
the data stays.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("port") {
				port, err := portFromEnv()
				if err != nil {
					return err
				}
				o.Port = port
			}
			return run(cmd.Context(), o, terminal{cmd.OutOrStdout(), cmd.ErrOrStderr()})
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Port, "port", defaultPort, "port of the HTTP API, 0 for a free one; the variable "+envPort+" sets the default")
	f.StringVar(&o.Dir, "dir", local.DefaultDir, "folder for the data, the secrets and the logs")
	f.StringVar(&o.Templates, "templates", filepath.FromSlash(local.DefaultTemplates), "folder of the CloudFormation templates")
	f.StringVar(&o.Stage, "stage", contract.Staging.Name, "stage whose templates run")
	f.StringVar(&o.Binaries, "bin", local.DefaultBinaries, "folder of the functions' binaries")
	f.StringVar(&o.ClientDocuments, "client-documents", "", `hosts that may serve client metadata documents: "off", "any" or host names with commas; default as in the templates`)
	f.StringVar(&o.Registration, "registration", "", `who may register clients: "off", "token" or "open"; default as in the templates`)
	f.StringVar(&o.Mail, "mail", "", `where mail goes: "off" or "file:" and a folder; default the folder mail in --dir`)
	return cmd
}

func portFromEnv() (int, error) {
	text := os.Getenv(envPort)
	if text == "" {
		return defaultPort, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("environment variable %s is %q, which is no port", envPort, text)
	}
	return int(port), nil
}

// terminal is where the command prints. A failed write is ignored: a closed
// terminal is no reason to stop serving.
type terminal struct{ out, problems io.Writer }

func (t terminal) say(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format, args...) }
func (t terminal) complain(format string, args ...any) {
	_, _ = fmt.Fprintf(t.problems, format, args...)
}

func (t terminal) step(s local.Step) { t.say("  %-46s %5.2f s\n", s.What, s.Took.Seconds()) }

// run runs the stack until ctx ends, which is a success.
func run(ctx context.Context, o local.Options, t terminal) error {
	began := time.Now()
	t.say("Tipstaff %s, stage %s of %s\n", contract.Version, o.Stage, o.Templates)
	o.Progress = t.step
	o.Failed = func(function string, err error) { t.complain("%s: %v\n", function, err) }
	stack, err := local.Start(ctx, o)
	if err != nil && ctx.Err() != nil { // Ctrl-C during the start.
		return nil
	}
	if err != nil {
		return err
	}
	defer stack.Close()

	applied := time.Now()
	d, err := newDemo(o.Dir, stack.BaseURL())
	if err != nil {
		return err
	}
	changed, err := d.apply(ctx, &deployment{
		db: stack.DynamoDB(), secrets: stack.SecretsManager(), stage: o.Stage, actor: "tipstaff run",
	})
	if err != nil {
		return fmt.Errorf("register the demo clients and the demo user: %w", err)
	}
	if err := d.write(); err != nil {
		return err
	}
	t.step(local.Step{What: fmt.Sprintf("demo clients and user, %d changes", changed), Took: time.Since(applied)})
	t.welcome(d, o.Dir, stack.Mail(), time.Since(began))

	err = stack.Wait(ctx)
	t.say("\nStopping.\n")
	t.summary(stack.Report())
	return err
}

func (t terminal) welcome(d *demo, dir, mail string, took time.Duration) {
	t.say(`
%s serves after %.1f s. Ctrl-C stops it; the functions log to %s.

  front page        %s/
  user              %s  %s
  application       %s
  client            %s  %s
  resource server   %s  %s
  operator          %s  %s
  mail              %s
  in a shell        . %s

Try it:

`,
		d.get("ISSUER"), took.Seconds(), filepath.Join(dir, "logs"),
		d.get("ISSUER"), d.get("USER_NAME"), d.get(userPassword), d.get("APP_CLIENT_ID"),
		d.get("CLIENT_ID"), d.get("CLIENT_SECRET"),
		d.get("RS_CLIENT_ID"), d.get("RS_CLIENT_SECRET"),
		d.get("OPERATOR_CLIENT_ID"), d.get("OPERATOR_CLIENT_SECRET"), mail, shellPath(d.path))
	t.say("%s\n", strings.Join(d.curls(), "\n\n"))
}

// shellPath returns a path that the `.` of a shell does not look up in PATH.
func shellPath(path string) string {
	if filepath.IsAbs(path) || strings.HasPrefix(path, ".") {
		return path
	}
	return "./" + path
}

// summary lists the AWS calls that the roles did not allow. They would have failed
// on AWS too.
func (t terminal) summary(report iam.Report) {
	for _, r := range report.Refused {
		t.complain("refused %d times: %s on %s by %s: %s\n", r.Times, r.Action, r.Resource, r.Function, r.Reason)
	}
}
