package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change of one file.
type mutant struct {
	file string
	line int
	// what it does, such as `drop it.PutText(attrName, c.Name)`. It is the same
	// on every machine, and after every change of another line.
	what string
	// from and to are the bytes that are replaced by with.
	from, to int
	with     string
}

func (m *mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what) }

// apply returns the file with the change.
func (m *mutant) apply(text []byte) []byte {
	return slices.Concat(text[:m.from], []byte(m.with), text[m.to:])
}

// source is a file and the declaration in it that is a list.
type source struct {
	file, pkg string
	set       *token.FileSet
	text      []byte
	decl      ast.Node
}

func (s *source) mutant(what string, from, to token.Pos, with string) *mutant {
	begin, end := s.set.Position(from), s.set.Position(to)
	return &mutant{file: s.file, line: begin.Line, what: what, from: begin.Offset, to: end.Offset, with: with}
}

// drops are the mutants that each leave out one statement, one element of a literal,
// one exported constant or variable of a group, or one field of a struct. What never
// compiles without it is not among them: a definition, a return, a name that only its
// own package knows. Neither is the only statement of a condition, which goes with it.
func (s *source) drops() []*mutant {
	var all []*mutant
	drop := func(n ast.Node, comma bool) {
		m := s.mutant("drop "+s.words(n), n.Pos(), n.End(), "")
		if comma {
			m.to = s.pastComma(m.to)
		}
		all = append(all, m)
	}
	single := map[*ast.BlockStmt]bool{}
	block := func(list []ast.Stmt) {
		for _, stmt := range list {
			if !needed(stmt) {
				drop(stmt, false)
			}
		}
	}
	ast.Inspect(s.decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			single[n.Body] = len(n.Body.List) == 1
		case *ast.BlockStmt:
			if !single[n] {
				block(n.List)
			}
		case *ast.CaseClause:
			block(n.Body)
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				drop(e, true)
			}
		case *ast.GenDecl:
			if n.Lparen.IsValid() {
				for _, spec := range n.Specs {
					if v, ok := spec.(*ast.ValueSpec); !ok || v.Names[0].IsExported() {
						drop(spec, false)
					}
				}
			}
		case *ast.StructType:
			for _, f := range n.Fields.List {
				drop(f, false)
			}
		}
		return true
	})
	return all
}

// needed reports whether a function does not compile without a statement.
func needed(stmt ast.Stmt) bool {
	switch stmt := stmt.(type) {
	case *ast.ReturnStmt, *ast.DeclStmt:
		return true
	case *ast.AssignStmt:
		return stmt.Tok == token.DEFINE
	}
	return false
}

// pastComma is the place after the comma that follows an element, if one does.
func (s *source) pastComma(at int) int {
	rest := strings.TrimLeft(string(s.text[at:]), " \t\n")
	if strings.HasPrefix(rest, ",") {
		return len(s.text) - len(rest) + 1
	}
	return at
}

// renames are the mutants that each give one name another spelling: a constant, the
// tag of a field, the key or the element of a literal, or what a call is told first.
func (s *source) renames() []*mutant {
	var all []*mutant
	rename := func(e ast.Expr) {
		literal, ok := e.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return
		}
		if with, ok := respell(literal.Value); ok {
			all = append(all, s.mutant("rename "+s.words(literal), literal.Pos(), literal.End(), with))
		}
	}
	ast.Inspect(s.decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for _, v := range n.Values {
				rename(v)
			}
		case *ast.Field:
			if n.Tag != nil {
				rename(n.Tag)
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if pair, ok := e.(*ast.KeyValueExpr); ok {
					rename(pair.Key)
				} else {
					rename(e)
				}
			}
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok && len(call.Args) > 0 {
				rename(call.Args[0])
			}
		}
		return true
	})
	return all
}

var tag = regexp.MustCompile(`^(.*json:")([^",]+)(.*)$`)

// respell returns a literal in which the name is another one, if it has a name.
func respell(literal string) (string, bool) {
	if m := tag.FindStringSubmatch(literal); m != nil {
		return m[1] + m[2] + "_x" + m[3], true
	}
	text, err := strconv.Unquote(literal)
	if err != nil || text == "" || strings.HasSuffix(text, " ") {
		return "", false
	}
	return strconv.Quote(text + "_x"), true
}

// words are the source of a node in one line, which is cut when it is long.
func (s *source) words(n ast.Node) string {
	from, to := s.set.Position(n.Pos()).Offset, s.set.Position(n.End()).Offset
	words := strings.Join(strings.Fields(string(s.text[from:to])), " ")
	if runes := []rune(words); len(runes) > 90 {
		words = string(runes[:90]) + "…"
	}
	return words
}

// rows are the mutants that each leave out one row of a table between a heading of a
// document and the next one.
func rows(file string, text []byte, heading string) []*mutant {
	var all []*mutant
	inside, begun := false, false
	at, number := 0, 0
	for line := range strings.Lines(string(text)) {
		number++
		if marks := strings.TrimLeft(line, "#"); marks != line && strings.HasPrefix(marks, " ") {
			inside = strings.TrimSpace(line) == heading
		}
		row := strings.HasPrefix(line, "|")
		switch {
		case !row:
			begun = false
		case strings.Trim(line, "|-: \n") == "":
			begun = true
		case inside && begun:
			name, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
			all = append(all, &mutant{
				file: file, line: number, what: "drop the row " + strings.TrimSpace(name), from: at, to: at + len(line),
			})
		}
		at += len(line)
	}
	return all
}

// headings are the mutants that each leave out one heading of that level.
func headings(file string, text []byte, level string) []*mutant {
	var all []*mutant
	at, number := 0, 0
	for line := range strings.Lines(string(text)) {
		number++
		if strings.HasPrefix(line, level+" ") {
			all = append(all, &mutant{file: file, line: number, what: "drop the heading " + strings.TrimSpace(line), from: at, to: at + len(line)})
		}
		at += len(line)
	}
	return all
}
