// Command bench measures what Tipstaff costs, as ratios inside one run.
//
// A time in milliseconds says more about the machine than about the program.
// So a start and a warm request are counted in instructions, and binaries have a
// size, none of which depends on what else the machine does. The CPU time of a
// function is told as a multiple of what a plain Go server of this folder
// (baseline) needs on the same machine in the same minute, for the same answer:
// the rounds of all servers are interleaved. Each figure stands beside its bar,
// if it has one; one that is missed makes the run fail.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"

	"github.com/tipstaff/tipstaff/shared/contract"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.StringVar(&o.root, "root", ".", "the checkout, with everything built")
	flag.IntVar(&o.requests, "n", 1000, "requests of a round")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each server")
	flag.IntVar(&o.clients, "c", 8, "clients at once while CPU time is measured")
	flag.StringVar(&o.only, "only", "", "measure only one of: sizes, starts, warm, served")
	flag.Parse()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	root, only                string
	requests, rounds, clients int
}

// errMissed says that a figure is worse than its bar.
var errMissed = errors.New("not every bar was met")

func run(ctx context.Context, out io.Writer, o options) error {
	parts := []struct {
		name    string
		measure func(context.Context, options) ([]figure, error)
	}{{"sizes", sizes}, {"starts", starts}, {"warm", warm}, {"served", served}}
	var figures []figure
	for _, part := range parts {
		if o.only != "" && o.only != part.name {
			continue
		}
		more, err := part.measure(ctx, o)
		if err != nil {
			return err
		}
		figures = append(figures, more...)
	}
	if figures == nil {
		return fmt.Errorf("there is no part %q to measure", o.only)
	}
	if missed := show(out, figures); missed > 0 {
		return fmt.Errorf("%w: %d missed", errMissed, missed)
	}
	return nil
}

// sizes are those of the deployed binaries.
func sizes(_ context.Context, o options) ([]figure, error) {
	bars := map[string]float64{
		contract.Health.Name: 6.3, contract.Introspect.Name: 8.4, contract.Token.Name: 9.5,
		contract.Refresh.Name: 8.9, contract.Login.Name: 15, contract.Account.Name: 15.5, contract.Enroll.Name: 15.5,
	}
	const anyFunction = 14
	var figures []figure
	for _, f := range contract.Functions() {
		info, err := os.Stat(filepath.Join(o.root, "bin", "arm64", f.Name, "bootstrap"))
		if err != nil {
			return nil, fmt.Errorf("find the binaries (make handlers builds them): %w", err)
		}
		figures = append(figures, figure{
			what: "arm64 bootstrap of " + f.Name, value: float64(info.Size()) / 1e6, unit: "MB", most: cmp.Or(bars[f.Name], anyFunction),
		})
	}
	return figures, nil
}

// starts are the instructions of each start, where valgrind can count them.
func starts(ctx context.Context, o options) ([]figure, error) {
	if !installed("valgrind") {
		return []figure{{what: "instructions to the first event (needs valgrind)", missing: true}}, nil
	}
	bars := map[string]float64{
		contract.Health.Name: 1, contract.Introspect.Name: 3.6, contract.Token.Name: 4.4, contract.Refresh.Name: 4.5,
	}
	var figures []figure
	for _, f := range contract.Routes {
		n, err := instructions(ctx, filepath.Join(o.root, "bin", runtime.GOARCH), f)
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{
			what: "instructions to the first event of " + f.Name, value: float64(n) / 1e6, unit: "M", most: bars[f.Name],
		})
	}
	return figures, nil
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
