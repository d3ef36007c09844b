// Command tipstaff runs the local stack and administers a deployed stage.
//
// Every command that changes something works on the stack that runs in this
// folder unless --stage names a deployed one.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/contract"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use:           "tipstaff",
		Short:         "Authorization server, session store and workload identity for your own AWS account",
		Version:       contract.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newRunCommand(), newRegistryCommand(), newUpstreamCommand(), newUserCommand(), newSessionCommand(), newAuditCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "tipstaff:", err)
		os.Exit(1)
	}
}

// oneArgument refuses anything but one argument, and says how the command is used.
func oneArgument(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("this takes one argument, not %d: %s", len(args), cmd.UseLine())
	}
	return nil
}
