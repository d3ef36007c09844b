package main

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Building a test takes longer than running it. So the mutants of one function, or of
// one variable, are built together: the function gets a copy for each, and goes to the
// one whose number the environment says. What cannot be written in this way is built
// one by one.

// envMutant is the variable with the number of the mutant, from 1.
const envMutant = "TIPSTAFF_MUTANT"

// chooser is a file beside the mutants. It reads the number.
const chooser = `package %s

import (
	"os"
	"strconv"
)

var tipstaffMutant, _ = strconv.Atoi(os.Getenv("` + envMutant + `"))
`

// chooserFile is its name.
const chooserFile = "zz_mutants.go"

// variants writes a file that is each of the mutants of its declaration, and says in
// which lines each of them stands. It is nil if the declaration is none that can.
func (s *source) variants(mutants []*mutant) (text []byte, lines [][2]int) {
	switch d := s.decl.(type) {
	case *ast.FuncDecl:
		if call, ok := callOf(d); ok {
			return s.functions(d, call, mutants)
		}
	case *ast.GenDecl:
		if literal := literalOf(d); literal != nil {
			return s.literals(literal, mutants)
		}
	}
	return nil, nil
}

// callOf are the arguments with which a function calls another one of its signature,
// if each parameter has a name.
func callOf(d *ast.FuncDecl) (args string, ok bool) {
	if d.Type.TypeParams != nil || d.Body == nil || d.Recv != nil && (len(d.Recv.List[0].Names) == 0 || d.Recv.List[0].Names[0].Name == "_") {
		return "", false
	}
	var names []string
	for _, p := range d.Type.Params.List {
		if len(p.Names) == 0 {
			return "", false
		}
		for _, name := range p.Names {
			if name.Name == "_" {
				return "", false
			}
			names = append(names, name.Name)
		}
		if _, variadic := p.Type.(*ast.Ellipsis); variadic {
			names[len(names)-1] += "..."
		}
	}
	return strings.Join(names, ", "), true
}

// literalOf is the literal that is the value of the only variable of a declaration.
func literalOf(d *ast.GenDecl) *ast.CompositeLit {
	if d.Lparen.IsValid() || len(d.Specs) != 1 {
		return nil
	}
	spec, ok := d.Specs[0].(*ast.ValueSpec)
	if !ok || spec.Type != nil || len(spec.Values) != 1 {
		return nil
	}
	literal, _ := spec.Values[0].(*ast.CompositeLit)
	return literal
}

// functions adds a copy of a function for each mutant to the end of the file.
func (s *source) functions(d *ast.FuncDecl, args string, mutants []*mutant) ([]byte, [][2]int) {
	at := func(n ast.Node) (from, to int) { return s.set.Position(n.Pos()).Offset, s.set.Position(n.End()).Offset }
	begin, end := at(d)
	nameFrom, nameTo := at(d.Name)
	body := s.set.Position(d.Body.Lbrace).Offset + 1
	receiver := ""
	if d.Recv != nil {
		receiver = d.Recv.List[0].Names[0].Name + "."
	}
	var out bytes.Buffer
	out.Write(s.text[:body])
	out.WriteString(" switch tipstaffMutant {")
	for i := range mutants {
		if d.Type.Results != nil {
			fmt.Fprintf(&out, " case %d: return %s%s_mutant%d(%s);", i+1, receiver, d.Name.Name, i+1, args)
			continue
		}
		fmt.Fprintf(&out, " case %d: %s%s_mutant%d(%s); return;", i+1, receiver, d.Name.Name, i+1, args)
	}
	out.WriteString(" };")
	out.Write(s.text[body:])
	lines := make([][2]int, len(mutants))
	for i, m := range mutants {
		out.WriteString("\n\n")
		lines[i][0] = 1 + bytes.Count(out.Bytes(), []byte("\n"))
		out.Write(s.text[begin:nameFrom])
		fmt.Fprintf(&out, "%s_mutant%d", d.Name.Name, i+1)
		out.Write(m.apply(s.text)[nameTo : end+len(m.with)-(m.to-m.from)])
		lines[i][1] = 1 + bytes.Count(out.Bytes(), []byte("\n"))
	}
	return out.Bytes(), lines
}

// literals makes the value of a variable one of a list of values.
func (s *source) literals(literal *ast.CompositeLit, mutants []*mutant) ([]byte, [][2]int) {
	from, to := s.set.Position(literal.Pos()).Offset, s.set.Position(literal.End()).Offset
	kind := s.text[from:s.set.Position(literal.Lbrace).Offset]
	var out bytes.Buffer
	out.Write(s.text[:from])
	fmt.Fprintf(&out, "[...]%s{\n%s,", kind, s.text[from:to])
	lines := make([][2]int, len(mutants))
	for i, m := range mutants {
		out.WriteString("\n")
		lines[i][0] = 1 + bytes.Count(out.Bytes(), []byte("\n"))
		out.Write(m.apply(s.text)[from : to+len(m.with)-(m.to-m.from)])
		out.WriteString(",")
		lines[i][1] = 1 + bytes.Count(out.Bytes(), []byte("\n"))
	}
	out.WriteString("\n}[tipstaffMutant]")
	out.Write(s.text[to:])
	return out.Bytes(), lines
}

// together tests the mutants of a declaration, as far as they can be built together,
// and returns those that are still to be tested.
func (w *worker) together(ctx context.Context, decl *source, jobs []*job) (left []*job, err error) {
	file := filepath.Join(w.root, decl.file)
	beside := filepath.Join(filepath.Dir(file), chooserFile)
	if len(jobs) < 2 {
		return jobs, nil
	}
	if err := os.WriteFile(beside, fmt.Appendf(nil, chooser, decl.pkg), 0o600); err != nil {
		return nil, err
	}
	clear(w.built)
	defer clear(w.built)
	restore := func() error {
		if err := os.Remove(beside); err != nil {
			return err
		}
		return os.WriteFile(file, decl.text, 0o600)
	}
	alive, err := w.buildTogether(ctx, decl, jobs)
	if err != nil || alive == nil {
		_ = restore()
		return jobs, err
	}
	for _, s := range jobs[0].tests {
		binary, _, err := w.build(ctx, s)
		if err == nil {
			_, err = w.run(ctx, s, binary, 0)
		}
		if err != nil { // the test reads the source, or cannot bear the copies
			return alive, restore()
		}
		for i, j := range alive {
			if j == nil || j.outcome != "" {
				continue
			}
			if _, err := w.run(ctx, s, binary, i+1); err != nil {
				j.outcome = noticed
			}
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, j := range alive {
		if j.outcome == "" {
			j.outcome = survived
		}
	}
	return nil, restore()
}

// buildTogether writes and builds the mutants, without those that do not compile, and
// returns them in the order of their numbers. It returns nil if they cannot be built.
func (w *worker) buildTogether(ctx context.Context, decl *source, jobs []*job) ([]*job, error) {
	alive := jobs
	for len(alive) > 0 {
		mutants := make([]*mutant, len(alive))
		for i, j := range alive {
			mutants[i] = j.mutant
		}
		text, lines := decl.variants(mutants)
		if text == nil {
			return nil, nil
		}
		if err := os.WriteFile(filepath.Join(w.root, decl.file), text, 0o600); err != nil {
			return nil, err
		}
		_, out, err := w.build(ctx, jobs[0].tests[0])
		if err == nil || ctx.Err() != nil {
			return alive, ctx.Err()
		}
		wrong := wrongLines(out, filepath.Base(decl.file))
		var rest []*job
		for i, j := range alive {
			if overlaps(wrong, lines[i]) {
				j.outcome = uncompiled
				continue
			}
			rest = append(rest, j)
		}
		if len(rest) == len(alive) {
			return nil, nil
		}
		alive = rest
	}
	return alive, nil
}

// wrongLines are the lines of a file that a compiler complains about.
func wrongLines(out, file string) map[int]bool {
	lines := map[int]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:\S*/)?`+regexp.QuoteMeta(file)+`:(\d+):\d+: `).FindAllStringSubmatch(out, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil {
			lines[n] = true
		}
	}
	return lines
}

func overlaps(lines map[int]bool, span [2]int) bool {
	for n := span[0]; n <= span[1]; n++ {
		if lines[n] {
			return true
		}
	}
	return false
}
