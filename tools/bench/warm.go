package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// What a warm request took at commit d46abca, when the functions spoke the Runtime
// API themselves: medians of six runs of this program, built by Go 1.26.8 for
// beforeArchitecture. Another toolchain counts differently: when it changes, count
// that commit again.
const (
	beforeToken           = 851_000
	beforeRefresh         = 1_538_000
	beforeCode            = 2_397_000
	beforeIntrospect      = 1_422_000
	beforeIntrospectGrant = 2_027_000
	beforeArchitecture    = "amd64"
)

// counted are the subjects whose instructions are counted, with what they took
// before and the bar: how much of that a request may take, 0 for any.
var counted = []struct {
	subject string
	before  int
	most    float64
}{
	{tokenES256, beforeToken, 1.25},
	{refreshES256, beforeRefresh, 1.10},
	{codeES256, beforeCode, 0},
	{introspectES256, beforeIntrospect, 0},
	{introspectGrant, beforeIntrospectGrant, 0},
}

// countedFunctions are the functions that serve them.
var countedFunctions = []contract.Function{contract.Token, contract.Refresh, contract.Introspect}

const (
	// warmRequests is N: a process serves N requests before the N that count.
	warmRequests = 100
	// warmRuns is how many processes are counted, one after the other.
	warmRuns = 3
	// patience is how much slower than others a process under callgrind is, on a
	// machine that has other work too.
	patience = 20
	// warmGOGC is the collector's setting, that of a deployment: the garbage of
	// a request is part of its cost.
	warmGOGC = 100
)

// warm counts the user-space instructions of warm requests: what callgrind has
// counted in the real process of a function, behind the Runtime API and in front
// of the real database, between its request N and its request 2N.
//
// The clock of the stack stands still meanwhile. A request under valgrind takes
// fifty times as long, and what a function keeps for half a minute would be read
// that much more often than at work.
func warm(ctx context.Context, o options) ([]figure, error) {
	if !installed("valgrind") || !installed("callgrind_control") {
		return []figure{{what: "instructions of a warm request (needs valgrind)", missing: true}}, nil
	}
	dir, err := os.MkdirTemp("", "tipstaff-warm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	g, err := newGrind(o, dir)
	if err != nil {
		return nil, err
	}
	c := &clock{}
	stack, err := fixture.Start(ctx, fixture.Options{Root: o.root, Dir: dir, Now: c.now, Binaries: g.binaries(), Patience: patience})
	if err != nil {
		return nil, err
	}
	defer stack.Close()
	subjects, err := ours(ctx, o, &people{stack, c})
	if err != nil {
		return nil, err
	}
	c.stop()
	var figures []figure
	for _, want := range counted {
		i := slices.IndexFunc(subjects, func(s *subject) bool { return s.name == want.subject })
		counts, err := g.counts(ctx, subjects[i])
		if err != nil {
			return nil, err
		}
		figures = append(figures, warmFigures(want.subject, counts, want.before, want.most)...)
	}
	return figures, nil
}

// warmFigures are the median of the runs, with their spread, and how it compares
// with the count before.
func warmFigures(name string, counts []int, before int, most float64) []figure {
	middle := median(counts)
	what := "instructions of a warm request: " + name
	figures := []figure{
		{what: what, value: float64(middle) / 1e3, unit: "k", spread: float64(slices.Max(counts)-slices.Min(counts)) / float64(middle)},
	}
	if runtime.GOARCH != beforeArchitecture {
		return figures
	}
	return append(figures, figure{what: what + ", of what it took at d46abca", value: float64(middle) / float64(before), unit: "×", most: most})
}

// A grind runs functions under callgrind and reads what it counts.
type grind struct {
	dir string
}

func (g *grind) binaries() string { return filepath.Join(g.dir, "bin") }

// prefix is where processes under valgrind open their pipes.
func (g *grind) prefix() string { return "--vgdb-prefix=" + filepath.Join(g.dir, "vgdb") }

// newGrind makes a folder of binaries in which the functions that are counted
// start under callgrind and all others as they are.
func newGrind(o options, dir string) (*grind, error) {
	g := &grind{dir}
	built, err := filepath.Abs(filepath.Join(o.root, local.DefaultBinaries))
	if err != nil {
		return nil, err
	}
	for _, f := range contract.Functions() {
		if err := g.add(f, filepath.Join(built, f.Name)); err != nil {
			return nil, fmt.Errorf("make the binaries to count: %w", err)
		}
	}
	return g, nil
}

// add puts the folder of a function among the binaries.
func (g *grind) add(f contract.Function, built string) error {
	at := filepath.Join(g.binaries(), f.Name)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	if !slices.ContainsFunc(countedFunctions, func(c contract.Function) bool { return c.Name == f.Name }) {
		return os.Symlink(built, at)
	}
	if err := os.Mkdir(at, 0o700); err != nil {
		return err
	}
	script := fmt.Sprintf("#!/bin/sh\nexport GOGC=%d %s\nexec valgrind -q --tool=callgrind --callgrind-out-file=/dev/null '%s' '%s'\n",
		warmGOGC, noPreemption, g.prefix(), filepath.Join(built, "bootstrap"))
	return os.WriteFile(filepath.Join(at, "bootstrap"), []byte(script), 0o700)
}

// counts are the instructions of one request of s, in a fresh process each.
func (g *grind) counts(ctx context.Context, s *subject) ([]int, error) {
	counts := make([]int, warmRuns)
	for i := range counts {
		for _, pid := range s.pids() {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				return nil, fmt.Errorf("%s: end process %d: %w", s.name, pid, err)
			}
		}
		if err := awake(ctx, s); err != nil {
			return nil, err
		}
		var read [2]int
		for j := range read {
			if _, err := s.drive(ctx, warmRequests, 1); err != nil {
				return nil, err
			}
			var err error
			if read[j], err = g.read(ctx, s); err != nil {
				return nil, err
			}
		}
		counts[i] = (read[1] - read[0]) / warmRequests
	}
	return counts, nil
}

// awake waits until a process of s answers. The first request takes long, since
// callgrind translates the program meanwhile, and its handler may run out of
// time.
func awake(ctx context.Context, s *subject) error {
	const tries = 3
	var err error
	for range tries {
		if _, err = s.drive(ctx, 1, 1); err == nil {
			return nil
		}
	}
	return err
}

// ofThread matches what one thread has done so far.
var ofThread = regexp.MustCompile(`(?m)^\s*Th \d+\s+([\d,]+)`)

// read is what the process of s has done so far. One client at a time keeps one
// process busy.
func (g *grind) read(ctx context.Context, s *subject) (int, error) {
	pids := s.pids()
	if len(pids) != 1 {
		return 0, fmt.Errorf("%s: processes %v serve one client, want one", s.name, pids)
	}
	out, err := exec.CommandContext(ctx, "callgrind_control", g.prefix(), "-e", strconv.Itoa(pids[0])).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: read the instructions: %w\n%s", s.name, err, out)
	}
	n, err := total(out)
	if err != nil {
		return 0, fmt.Errorf("%s: read the instructions: %w\n%s", s.name, err, out)
	}
	return n, nil
}

// total adds up the threads in an answer of callgrind_control.
func total(out []byte) (int, error) {
	threads := ofThread.FindAllSubmatch(out, -1)
	if threads == nil {
		return 0, errors.New("valgrind counted nothing")
	}
	sum := 0
	for _, thread := range threads {
		n, err := strconv.Atoi(string(bytes.ReplaceAll(thread[1], []byte(","), nil)))
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
