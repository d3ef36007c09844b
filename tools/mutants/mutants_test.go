package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryListIsThere finds each declaration, document and package that lists.go
// names, so that a rename is noticed before somebody runs `make mutants`.
func TestEveryListIsThere(t *testing.T) {
	tree, err := readTree("../..")
	if err != nil {
		t.Fatal(err)
	}
	mutants := 0
	for _, l := range lists {
		batches, err := l.batches(tree)
		if err != nil {
			t.Errorf("list %q: %v", l.name, err)
		}
		for _, b := range batches {
			mutants += len(b.jobs)
		}
	}
	t.Logf("%d mutants of %d lists", mutants, len(lists))
}

// plants are a module with a list that a test holds to a document, and one that no
// test looks at.
var plants = map[string]string{
	"go.mod":    "module plants\n\ngo 1.26\n",
	"plants.md": "# Plants\n\n| plant |\n|---|\n| fern |\n| moss |\n\n## Others\n\n| plant |\n|---|\n| oak |\n",
	"list/list.go": `package list

// Plants are all plants.
var Plants = []string{
	"fern",
	"moss", // grows anywhere
}

// Trees are all trees.
var Trees = []string{"oak", "elm"}

// Rare has a name that stands nowhere else.
const Rare = "orchid"

// Count counts.
func Count() (n int) {
	for range Plants {
		n++
	}
	if n > 9 {
		n = 9
	}
	return n
}
`,
	"list/list_test.go": `package list

import (
	"os"
	"strings"
	"testing"
)

func TestPlants(t *testing.T) {
	text, err := os.ReadFile("../plants.md")
	if err != nil {
		t.Fatal(err)
	}
	section, _, _ := strings.Cut(string(text), "## Others")
	if want := "# Plants\n\n| plant |\n|---|\n| " + strings.Join(Plants, " |\n| ") + " |\n\n"; section != want {
		t.Errorf("%q, want %q", section, want)
	}
	if Count() != 2 {
		t.Error(Count())
	}
}
`,
}

func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range plants {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestSurvivorsAreNamed runs the command over a list that is held and over lists that
// are not.
func TestSurvivorsAreNamed(t *testing.T) {
	root := checkout(t)
	all := []list{
		{
			name: "held", named: []string{"list.Plants"}, of: []string{"list.Count"}, tables: []string{"plants.md # Plants"},
			tests: []string{"list"}, equivalent: map[string]string{
				"drop if n > 9 { n = 9 }": "there are never so many",
			},
		},
		{name: "loose", of: []string{"list.Trees"}, renamed: []string{"list.Rare"}, tests: []string{"list TestPlants"}},
	}
	var out strings.Builder
	survivors, err := run(t.Context(), &out, root, all, "", 2)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile(`(?m)^SURVIVED +(.*)$`).FindAllStringSubmatch(out.String(), -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	want := []string{`list/list.go:10: drop "elm"`, `list/list.go:10: drop "oak"`, `list/list.go:13: rename "orchid"`}
	if survivors != len(want) || !slices.Equal(found, want) {
		t.Errorf("run = %d survivors\n%s\nwant %q", survivors, out.String(), want)
	}
	for _, line := range []string{
		"EQUIVALENT list/list.go:20: drop if n > 9 { n = 9 }\n           there are never so many\n",
		"8 noticed by a test, 1 equivalent\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("run prints\n%s\nwant %q in it", out.String(), line)
		}
	}
	for name, text := range plants {
		if now, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(now) != text {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
	out.Reset()
	if _, err := run(t.Context(), &out, root, all, "loose", 1); err != nil || !strings.Contains(out.String(), "3 mutants, 3 survived") {
		t.Errorf("run of one list = %v\n%s", err, out.String())
	}
}

// TestWrongListsAreRefused: what lists.go names must be there, once, and a test that
// fails by itself notices nothing.
func TestWrongListsAreRefused(t *testing.T) {
	root := checkout(t)
	tests := []struct {
		name string
		list list
		want string
	}{
		{"no such name", list{of: []string{"list.Animals"}, tests: []string{"list"}}, "list.Animals is not declared anywhere"},
		{"no name", list{of: []string{"list"}, tests: []string{"list"}}, "is not a package and a name in it"},
		{"no such package", list{of: []string{"list.Trees"}, tests: []string{"other"}}, "package other is any of []"},
		{"no such heading", list{tables: []string{"plants.md ## Animals"}, tests: []string{"list"}}, `plants.md has no row below "## Animals"`},
		{"no such test", list{of: []string{"list.Trees"}, tests: []string{"list TestAnimals"}}, "there is none"},
		{"no such mutant", list{of: []string{"list.Trees"}, tests: []string{"list"}, equivalent: map[string]string{"drop fir": ""}}, `no mutant is "drop fir" any more`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			if _, err := run(t.Context(), &out, root, []list{tt.list}, "", 1); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("run = %v, want %q", err, tt.want)
			}
		})
	}
	if err := os.WriteFile(filepath.Join(root, "plants.md"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := run(t.Context(), &strings.Builder{}, root, []list{{of: []string{"list.Trees"}, tests: []string{"list"}}}, "", 1)
	if err == nil || !strings.Contains(err.Error(), "which nothing has changed") {
		t.Errorf("run with a test that fails by itself = %v, want an error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run(ctx, &strings.Builder{}, root, []list{{of: []string{"list.Trees"}, tests: []string{"list"}}}, "", 1); err == nil {
		t.Error("run that was interrupted = nil, want an error")
	}
}

func TestRespell(t *testing.T) {
	for literal, want := range map[string]string{
		`"a"`: `"a_x"`, "`json:\"a\"`": "`json:\"a_x\"`", "`json:\"a,omitempty\" xml:\"b\"`": "`json:\"a_x,omitempty\" xml:\"b\"`",
		`""`: "", `"scopes "`: "",
	} {
		if got, ok := respell(literal); got != want || ok != (want != "") {
			t.Errorf("respell(%s) = %s, %t, want %s", literal, got, ok, want)
		}
	}
}
