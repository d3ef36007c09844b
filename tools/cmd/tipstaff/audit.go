package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tipstaff/tipstaff/shared/audit"
)

func newAuditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Show the audit trail: what was changed, by which actor and when"}
	cmd.AddCommand(newAuditListCommand())
	return cmd
}

func newAuditListCommand() *cobra.Command {
	var flags stageFlags
	var query audit.Query
	var action, since string
	cmd := &cobra.Command{
		Use: "list", Short: "List the audit entries, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			back, err := parseSpan(since)
			if err != nil {
				return err
			}
			if query.Limit < 1 {
				return fmt.Errorf("--limit is %d, less than 1", query.Limit)
			}
			query.Action, query.Since = audit.Action(action), time.Now().Add(-back)
			d, err := flags.open(cmd.Context())
			if err != nil {
				return err
			}
			entries, err := d.trail().List(cmd.Context(), d.db, query)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, e := range entries {
				rows = append(rows, []string{
					moment(e.Time()), string(e.Action), string(e.Outcome), e.Actor, e.Object, detail(e.Detail),
				})
			}
			return printTable(cmd.OutOrStdout(), []string{"TIME", "ACTION", "OUTCOME", "ACTOR", "OBJECT", "DETAIL"}, rows)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&query.Subject, "subject", "", "only entries about this subject: the subject of a user (see user list) or the id of a client")
	cmd.Flags().StringVar(&action, "action", "", `only this action, such as user.disable, or all actions of a kind, such as user`)
	cmd.Flags().StringVar(&since, "since", "24h", `how far back, such as 90m, 24h or 7d`)
	cmd.Flags().IntVar(&query.Limit, "limit", 100, "how many entries at most")
	return cmd
}

// parseSpan reads a duration, which may be in whole days.
func parseSpan(s string) (time.Duration, error) {
	v, err := time.ParseDuration(s)
	if digits, ok := strings.CutSuffix(s, "d"); ok {
		var days uint64
		days, err = strconv.ParseUint(digits, 10, 12)
		v = time.Duration(days) * 24 * time.Hour
	}
	if err != nil || v <= 0 {
		return 0, fmt.Errorf("--since is %q, not a time such as 90m, 24h or 7d", s)
	}
	return v, nil
}

func detail(d map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		all = append(all, name+"="+d[name])
	}
	return strings.Join(all, "; ")
}
