package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// outcome is what became of a mutant.
type outcome string

const (
	noticed    outcome = "noticed by a test"
	uncompiled outcome = "not compiled"
	equivalent outcome = "equivalent"
	survived   outcome = "survived"
)

// job is a mutant to test.
type job struct {
	*mutant
	list  string
	tests []suite
	// reason is why nothing can notice an equivalent mutant.
	reason  string
	outcome outcome
}

// suite are tests of a package, those that match a pattern.
type suite struct{ module, dir, pattern string }

// patience is how long a suite may take. A mutant that makes one wait for ever is
// noticed.
const patience = 2 * time.Minute

// batch are jobs that are tested one after the other, of one declaration or document.
type batch struct {
	decl *source // nil for a document
	jobs []*job
}

// test tests all jobs, several batches at once, each worker in a copy of the tree.
// Before the first mutant, every suite must pass on the tree as it is. It calls done
// after each job, one at a time.
func test(ctx context.Context, t *tree, batches []batch, workers int, done func(*job)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan batch)
	go func() {
		defer close(queue)
		for _, b := range batches {
			select {
			case queue <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	checked := &passed{suites: map[suite]func() error{}}
	var running sync.WaitGroup
	var telling sync.Mutex
	for range workers {
		running.Go(func() {
			err := work(ctx, t, queue, checked, func(j *job) {
				telling.Lock()
				defer telling.Unlock()
				done(j)
			})
			if err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

func work(ctx context.Context, t *tree, queue <-chan batch, checked *passed, done func(*job)) error {
	folder, err := os.MkdirTemp("", "tipstaff-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	w := &worker{root: filepath.Join(folder, "tree"), binaries: filepath.Join(folder, "bin"), built: map[string]bool{}}
	if err := t.copyTo(w.root); err != nil {
		return err
	}
	if err := os.MkdirAll(w.binaries, 0o700); err != nil {
		return err
	}
	for b := range queue {
		if err := w.batch(ctx, b, checked); err != nil {
			return err
		}
		for _, j := range b.jobs {
			done(j)
		}
	}
	return nil
}

// batch tests what of a batch is not equivalent.
func (w *worker) batch(ctx context.Context, b batch, checked *passed) error {
	for _, s := range b.jobs[0].tests {
		if err := checked.once(s, func() error { return w.passes(ctx, s) }); err != nil {
			return err
		}
	}
	left := slices.DeleteFunc(slices.Clone(b.jobs), func(j *job) bool { return j.outcome == equivalent })
	if b.decl != nil {
		var err error
		if left, err = w.together(ctx, b.decl, left); err != nil {
			return fmt.Errorf("%s: %w", b.decl.file, err)
		}
	}
	for _, j := range left {
		if j.outcome != "" {
			continue
		}
		if err := w.alone(ctx, j); err != nil {
			return fmt.Errorf("%s: %w", j.mutant, err)
		}
	}
	return nil
}

// passed remembers the suites that passed without a mutant.
type passed struct {
	mu     sync.Mutex
	suites map[suite]func() error
}

func (p *passed) once(s suite, run func() error) error {
	p.mu.Lock()
	if p.suites[s] == nil {
		p.suites[s] = sync.OnceValue(run)
	}
	first := p.suites[s]
	p.mu.Unlock()
	return first()
}

// worker has a copy of the tree.
type worker struct {
	root, binaries string
	// built are the folders whose tests are built of the Go files as they are now.
	built map[string]bool
}

func (w *worker) passes(ctx context.Context, s suite) error {
	binary, out, err := w.build(ctx, s)
	if err != nil {
		return fmt.Errorf("build the tests of %s, which nothing has changed: %w\n%s", s.dir, err, out)
	}
	out, err = w.run(ctx, s, binary, 0)
	if err == nil && strings.Contains(out, "no tests to run") {
		err = errors.New("there is none")
	}
	if err != nil {
		return fmt.Errorf("run the tests of %s, which nothing has changed: %w\n%s", s.dir, err, out)
	}
	return nil
}

// alone changes the tree, runs the tests until one notices, and changes it back.
func (w *worker) alone(ctx context.Context, j *job) error {
	file := filepath.Join(w.root, j.file)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, j.apply(text), 0o600); err != nil {
		return err
	}
	if strings.HasSuffix(j.file, ".go") {
		clear(w.built)
		defer clear(w.built)
	}
	j.outcome = survived
	for _, s := range j.tests {
		binary, out, err := w.build(ctx, s)
		if err != nil && ctx.Err() == nil && !strings.HasSuffix(j.file, ".go") {
			return fmt.Errorf("build the tests of %s: %w\n%s", s.dir, err, out)
		}
		if err != nil {
			j.outcome = uncompiled
			break
		}
		if _, err := w.run(ctx, s, binary, 0); err != nil {
			j.outcome = noticed
			break
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return os.WriteFile(file, text, 0o600)
}

// build builds the tests of a package, unless they are built already.
func (w *worker) build(ctx context.Context, s suite) (binary, out string, err error) {
	binary = filepath.Join(w.binaries, strings.ReplaceAll(s.dir, "/", "-")+".test")
	if w.built[s.dir] {
		return binary, "", nil
	}
	rel, err := filepath.Rel(s.module, s.dir)
	if err != nil {
		return "", "", err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-gcflags=-e", "-ldflags=-s -w", "-o", binary, "./"+filepath.ToSlash(rel))
	cmd.Dir = filepath.Join(w.root, s.module)
	cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+cmd.Dir)
	all, err := cmd.CombinedOutput()
	w.built[s.dir] = err == nil
	return binary, string(all), err
}

// run runs tests in the folder of their package, against the mutant of that number if
// several are built together. What they have started ends with them.
func (w *worker) run(ctx context.Context, s suite, binary string, number int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.failfast", "-test.run="+s.pattern)
	cmd.Dir = filepath.Join(w.root, s.dir)
	cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+cmd.Dir, envMutant+"="+strconv.Itoa(number))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = end
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		_ = end() // there is nothing left, as a rule
	}
	return string(out), err
}
