package listtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Agree reports each name that stands in one of two lists and not in the other.
// The order and how often a name comes mean nothing. A list without names is
// reported too: a reader that finds nothing compares nothing.
func Agree(t testing.TB, where string, names []string, elsewhere string, others []string) {
	t.Helper()
	if len(names) == 0 || len(others) == 0 {
		t.Errorf("%s has %d names and %s has %d, want some of both", where, len(names), elsewhere, len(others))
		return
	}
	for _, pair := range []struct {
		in, out   string
		have, all []string
	}{{where, elsewhere, others, names}, {elsewhere, where, names, others}} {
		missing := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(pair.all))), func(name string) bool {
			return slices.Contains(pair.have, name)
		})
		for _, name := range missing {
			t.Errorf("%s has %q, which %s has not", pair.in, name, pair.out)
		}
	}
}

// Table returns the rows of the tables in a section of a document whose first column
// has this header, each as its cells, without headers. The section begins with a
// heading and ends with the next one of the same or a higher level.
func Table(t testing.TB, file, heading, header string) [][]string {
	t.Helper()
	var rows [][]string
	var above []string
	wanted := false
	for _, line := range Section(t, file, heading) {
		row := cells(line)
		switch {
		case row == nil:
			wanted = false
		case strings.Trim(line, "|-: \n") == "":
			wanted = above != nil && above[0] == header
		case wanted:
			rows = append(rows, row)
		}
		above = row
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table of the header %q below %q", file, header, heading)
	}
	return rows
}

// cells are those of a row of a table, nil for any other line.
func cells(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") || !strings.HasSuffix(line, "|") {
		return nil
	}
	parts := strings.Split(strings.ReplaceAll(line[1:len(line)-1], `\|`, "\x00"), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(strings.ReplaceAll(parts[i], "\x00", "|"))
	}
	return parts
}

// Section returns the lines of a document from a heading, such as "## Clients", to
// the next one of the same or a higher level.
func Section(t testing.TB, file, heading string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	level := strings.Repeat("#", strings.Count(strings.Fields(heading)[0], "#"))
	var lines []string
	inside, code := false, false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if marks, _, ok := strings.Cut(line, " "); ok && !code && strings.Trim(marks, "#") == "" && marks != "" {
			if inside && len(marks) <= len(level) {
				break
			}
			inside = inside || strings.TrimSpace(line) == heading
		}
		if inside {
			lines = append(lines, line)
		}
	}
	if !inside {
		t.Fatalf("%s has no heading %q", file, heading)
	}
	return lines
}

var quoted = regexp.MustCompile("`([^`]+)`")

// Quoted returns what stands between backquotes in a text.
func Quoted(text string) []string {
	var names []string
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// Column returns what stands between backquotes in a column of a table.
func Column(rows [][]string, column int) []string {
	var names []string
	for _, row := range rows {
		if column < len(row) {
			names = append(names, Quoted(row[column])...)
		}
	}
	return names
}

// Constants returns the texts of the constants of a type that are declared in a
// folder and below it, tests excepted, by their names. The type is written as it is
// in the declarations: "Action" within its package, "audit.Action" in any other.
func Constants(t testing.TB, dir string, types ...string) map[string]string {
	t.Helper()
	values := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST {
				constants(d, file.Name.Name, types, values)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func constants(d *ast.GenDecl, pkg string, types []string, values map[string]string) {
	for _, s := range d.Specs {
		spec := s.(*ast.ValueSpec)
		name := ""
		switch of := spec.Type.(type) {
		case *ast.Ident:
			name = of.Name
		case *ast.SelectorExpr:
			if x, ok := of.X.(*ast.Ident); ok {
				name = x.Name + "." + of.Sel.Name
			}
		}
		if !slices.Contains(types, name) {
			continue
		}
		for i, value := range spec.Values {
			if literal, ok := value.(*ast.BasicLit); ok {
				text, _ := strconv.Unquote(literal.Value) // the parser accepted it
				values[pkg+"."+spec.Names[i].Name] = text
			}
		}
	}
}
