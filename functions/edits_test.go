// Package functions_test holds the folder of functions to its promises: every
// function of the contract is there, links what its task needs and nothing
// else, and is as small and as reproducible as we say.
package functions_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tipstaff/tipstaff/shared/contract"
)

const (
	contractDir = "shared/contract"
	handlerDir  = "shared/httpapi"
)

// TestEveryEditIsMade names the edit that somebody forgot when adding or
// removing a function; docs/adding-a-route.md describes the four.
func TestEveryEditIsMade(t *testing.T) {
	for _, sentence := range forgotten(os.DirFS(".."), contract.Functions()) {
		t.Error(sentence)
	}
}

// forgotten compares the functions of the contract with the folders of repo
// and returns one sentence for each edit that is missing.
func forgotten(repo fs.FS, functions []contract.Function) []string {
	var missing []string
	say := func(format string, args ...any) { missing = append(missing, fmt.Sprintf(format, args...)) }
	listed := func(name string) bool {
		return slices.ContainsFunc(functions, func(f contract.Function) bool { return f.Name == name })
	}

	for variable, name := range declared(repo) {
		if !listed(name) {
			say("contract.%s is declared but stands in neither contract.Routes nor contract.Tasks", variable)
		}
	}
	for _, name := range folders(repo, "functions") {
		if !listed(name) {
			say("functions/%s has no value in the contract", name)
		}
	}
	for _, name := range folders(repo, handlerDir) {
		if hasBuilder(repo, path.Join(handlerDir, name)) && !listed(name) {
			say("%s/%s has no value in the contract", handlerDir, name)
		}
	}
	for _, f := range functions {
		if !f.IsTask() {
			dir := path.Join(handlerDir, f.Name)
			if len(sources(repo, dir)) == 0 {
				say("route %s has no handler: %s is missing", f.Name, dir)
			} else if !hasBuilder(repo, dir) {
				say("route %s has no builder: %s declares no func New", f.Name, dir)
			}
		}
		if problem := wrongMain(repo, f); problem != "" {
			say("functions/%s/main.go %s", f.Name, problem)
		}
	}
	slices.Sort(missing)
	return missing
}

// wrongMain says what is wrong with the main.go of f, or nothing.
func wrongMain(repo fs.FS, f contract.Function) string {
	file := parse(repo, path.Join("functions", f.Name, "main.go"))
	if file == nil {
		return "is missing or does not parse"
	}
	serve, builder := "Serve", "/"+handlerDir+"/"+f.Name
	if f.IsTask() {
		serve, builder = "Run", ""
	}
	args := callOf(file, "apigw", serve)
	if len(args) != 2 {
		return "does not call apigw." + serve
	}
	of, value := selector(args[0])
	if of != "contract" || declared(repo)[value] != f.Name {
		return fmt.Sprintf("serves %s.%s, which is not the contract's %q", of, value, f.Name)
	}
	pkg, _ := selector(args[1])
	if !strings.HasSuffix(importOf(file, pkg), builder) {
		return fmt.Sprintf("takes its handler from %s instead of %s", importOf(file, pkg), strings.TrimPrefix(builder, "/"))
	}
	return ""
}

// declared maps the package-level variables of type Function in the contract
// to the Name that each gives.
func declared(repo fs.FS) map[string]string {
	names := map[string]string{}
	for _, file := range sources(repo, contractDir) {
		for _, spec := range specs(file) {
			for i, value := range spec.Values {
				literal, ok := value.(*ast.CompositeLit)
				if !ok || !isIdent(literal.Type, "Function") {
					continue
				}
				for _, element := range literal.Elts {
					if kv, ok := element.(*ast.KeyValueExpr); ok && isIdent(kv.Key, "Name") {
						names[spec.Names[i].Name] = unquote(kv.Value)
					}
				}
			}
		}
	}
	return names
}

func specs(file *ast.File) []*ast.ValueSpec {
	var found []*ast.ValueSpec
	for _, d := range file.Decls {
		if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR {
			for _, s := range d.Specs {
				found = append(found, s.(*ast.ValueSpec))
			}
		}
	}
	return found
}

// hasBuilder reports whether the package in dir declares func New.
func hasBuilder(repo fs.FS, dir string) bool {
	for _, file := range sources(repo, dir) {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "New" {
				return true
			}
		}
	}
	return false
}

func folders(repo fs.FS, dir string) []string {
	var names []string
	entries, _ := fs.ReadDir(repo, dir) // no folder has no folders in it
	for _, e := range entries {
		if e.IsDir() && e.Name() != "testdata" {
			names = append(names, e.Name())
		}
	}
	return names
}

// sources parses the files of the package in dir, its tests left out.
func sources(repo fs.FS, dir string) []*ast.File {
	var files []*ast.File
	names, _ := fs.Glob(repo, dir+"/*.go") // the pattern is well formed
	for _, name := range names {
		if file := parse(repo, name); file != nil && !strings.HasSuffix(name, "_test.go") {
			files = append(files, file)
		}
	}
	return files
}

func parse(repo fs.FS, name string) *ast.File {
	text, err := fs.ReadFile(repo, name)
	if err != nil {
		return nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	return file
}

// callOf returns the arguments of the first call of pkg.name in file.
func callOf(file *ast.File, pkg, name string) []ast.Expr {
	var args []ast.Expr
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && args == nil {
			if x, sel := selector(call.Fun); x == pkg && sel == name {
				args = call.Args
			}
		}
		return true
	})
	return args
}

// importOf returns the path under which file imports the package it calls pkg.
func importOf(file *ast.File, pkg string) string {
	for _, i := range file.Imports {
		importPath := unquote(i.Path)
		if (i.Name != nil && i.Name.Name == pkg) || (i.Name == nil && path.Base(importPath) == pkg) {
			return importPath
		}
	}
	return ""
}

func selector(e ast.Expr) (x, name string) {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if id, ok := s.X.(*ast.Ident); ok {
		return id.Name, s.Sel.Name
	}
	return "", s.Sel.Name
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func unquote(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		return ""
	}
	text, _ := strconv.Unquote(literal.Value) // the parser accepted the literal
	return text
}

// TestForgottenNamesTheEdit shows that each forgotten edit is named.
func TestForgottenNamesTheEdit(t *testing.T) {
	const (
		value   = `package contract; var Ping = Function{Name: "ping", Paths: []string{"/ping"}}`
		handler = `package ping; func New() {}`
		main    = `package main
			import ("x/shared/apigw"; "x/shared/contract"; "x/shared/httpapi/ping")
			func main() { apigw.Serve(contract.Ping, ping.New) }`
	)
	ping := []contract.Function{{Name: "ping", Paths: []string{"/ping"}}}
	tests := []struct {
		name      string
		files     map[string]string
		functions []contract.Function
		want      []string
	}{
		{"complete", nil, ping, nil},
		{"no value in the list", nil, nil, []string{
			"contract.Ping is declared but stands in neither contract.Routes nor contract.Tasks",
			"functions/ping has no value in the contract",
			"shared/httpapi/ping has no value in the contract",
		}},
		{"no handler", map[string]string{"shared/httpapi/ping/ping.go": ""}, ping, []string{
			"route ping has no handler: shared/httpapi/ping is missing",
		}},
		{"no builder", map[string]string{"shared/httpapi/ping/ping.go": "package ping"}, ping, []string{
			"route ping has no builder: shared/httpapi/ping declares no func New",
		}},
		{"no main", map[string]string{"functions/ping/main.go": ""}, ping, []string{
			"functions/ping/main.go is missing or does not parse",
		}},
		{"main of another value", map[string]string{"functions/ping/main.go": strings.ReplaceAll(main, "contract.Ping", "contract.Pong")}, ping, []string{
			`functions/ping/main.go serves contract.Pong, which is not the contract's "ping"`,
		}},
		{"main of another handler", map[string]string{"functions/ping/main.go": strings.ReplaceAll(main, "httpapi/ping", "other/ping")}, ping, []string{
			"functions/ping/main.go takes its handler from x/shared/other/ping instead of shared/httpapi/ping",
		}},
		{"main that serves nothing", map[string]string{"functions/ping/main.go": "package main; func main() {}"}, ping, []string{
			"functions/ping/main.go does not call apigw.Serve",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			repo := fstest.MapFS{}
			files := map[string]string{
				"shared/contract/routes.go": value, "shared/httpapi/ping/ping.go": handler, "functions/ping/main.go": main,
			}
			for name, text := range tt.files {
				files[name] = text
			}
			for name, text := range files {
				repo[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := forgotten(repo, tt.functions); !slices.Equal(got, tt.want) {
				t.Errorf("forgotten = %q, want %q", got, tt.want)
			}
		})
	}
}
