// Command mutants shows that lists which must agree cannot drift apart.
//
// It leaves out each line of the lists in lists.go, one at a time, and runs the tests
// that are to notice: a field that is no longer stored, a metric that is no longer
// counted, a row that is missing in a document. Where a name is the point, it also
// spells each name in another way. What no test notices has survived, is printed, and
// makes the command fail.
//
// A change that does not compile is noticed by the compiler. One that changes nothing
// that anything can see is listed with its reason in lists.go and printed too.
//
// The command works on copies of the tree. It finds the lists by their names, so
// lists.go need not change when a file moves.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	root := flag.String("root", ".", "folder of the checkout")
	only := flag.String("list", "", "regular expression: only the lists with such a name")
	workers := flag.Int("workers", runtime.NumCPU(), "how many mutants are tested at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	survivors, err := run(ctx, os.Stdout, *root, lists, *only, *workers)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	if err != nil || survivors > 0 {
		stop()
		os.Exit(1)
	}
}

// run tests the mutants of all lists and returns how many survived.
func run(ctx context.Context, out io.Writer, root string, all []list, only string, workers int) (survivors int, err error) {
	begin := time.Now()
	pattern, err := regexp.Compile(only)
	if err != nil {
		return 0, fmt.Errorf("list: %w", err)
	}
	if root, err = filepath.Abs(root); err != nil {
		return 0, err
	}
	t, err := readTree(root)
	if err != nil {
		return 0, err
	}
	var batches []batch
	var jobs []*job
	for _, l := range all {
		if !pattern.MatchString(l.name) {
			continue
		}
		of, err := l.batches(t)
		if err != nil {
			return 0, fmt.Errorf("list %q: %w", l.name, err)
		}
		batches = append(batches, of...)
		for _, b := range of {
			jobs = append(jobs, b.jobs...)
		}
	}
	fmt.Fprintf(out, "%d mutants of %d lists\n", len(jobs), len(all))
	tested := 0
	err = test(ctx, t, batches, workers, func(j *job) {
		if j.outcome == survived {
			fmt.Fprintf(out, "SURVIVED   %s\n           %s\n", j.mutant, j.list)
		}
		if tested++; tested%100 == 0 {
			fmt.Fprintf(out, "%d tested in %v\n", tested, time.Since(begin).Round(time.Second))
		}
	})
	if err != nil {
		return 0, err
	}
	survivors = report(out, jobs)
	fmt.Fprintf(out, "%d mutants, %d survived, in %v\n", len(jobs), survivors, time.Since(begin).Round(time.Second))
	return survivors, nil
}

// report prints a line for each list, and the mutants that nothing can notice.
func report(out io.Writer, jobs []*job) (survivors int) {
	counts := map[string]map[outcome]int{}
	var names []string
	for _, j := range jobs {
		if counts[j.list] == nil {
			counts[j.list] = map[outcome]int{}
			names = append(names, j.list)
		}
		counts[j.list][j.outcome]++
	}
	for _, name := range names {
		c := counts[name]
		var parts []string
		for _, o := range []outcome{noticed, uncompiled, equivalent, survived} {
			if c[o] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", c[o], o))
			}
		}
		fmt.Fprintf(out, "%-40s %s\n", name, strings.Join(parts, ", "))
	}
	for _, j := range jobs {
		switch j.outcome {
		case equivalent:
			fmt.Fprintf(out, "EQUIVALENT %s\n           %s\n", j.mutant, j.reason)
		case survived:
			survivors++
		}
	}
	return survivors
}
