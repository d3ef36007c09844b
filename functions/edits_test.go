// Package functions_test checks the folder of functions: every function of the contract
// exists, links only the packages that its task needs, and has a small and reproducible
// binary.
package functions_test

import (
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tipstaff/tipstaff/shared/contract"
)

const contractDir = "shared/contract"

// homes are the folders of the handlers of routes and tasks.
var homes = []string{"shared/route", "shared/task"}

func homeOf(f contract.Function) string {
	if f.IsTask() {
		return path.Join(homes[1], f.Name)
	}
	return path.Join(homes[0], f.Name)
}

// TestEveryEditIsMade names each missing edit after a function was added or removed. See
// docs/adding-a-route.md for the four edits.
func TestEveryEditIsMade(t *testing.T) {
	for _, sentence := range forgotten(os.DirFS(".."), contract.Functions()) {
		t.Error(sentence)
	}
}

// forgotten compares the functions of the contract with the folders of repo. It returns one
// sentence for each missing edit.
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
	for _, home := range homes {
		for _, name := range folders(repo, home) {
			if dir := path.Join(home, name); hasBuilder(repo, dir) && !listed(name) {
				say("%s has no value in the contract", dir)
			}
		}
	}
	for _, f := range functions {
		if dir := homeOf(f); len(sources(repo, dir)) == 0 {
			say("function %s has no handler: %s is missing", f.Name, dir)
		} else if !hasBuilder(repo, dir) {
			say("function %s has no builder: %s declares no func New(*wire.Env)", f.Name, dir)
		}
		if problem := wrongMain(repo, f); problem != "" {
			say("functions/%s/main.go %s", f.Name, problem)
		}
	}
	slices.Sort(missing)
	return missing
}

// wrongMain returns what is wrong with the main.go of f, or "".
func wrongMain(repo fs.FS, f contract.Function) string {
	file := parse(repo, path.Join("functions", f.Name, "main.go"))
	if file == nil {
		return "is missing or does not parse"
	}
	serve := "Serve"
	if f.IsTask() {
		serve = "Run"
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
	if from := importOf(file, pkg); !strings.HasSuffix(from, "/"+homeOf(f)) {
		return fmt.Sprintf("takes its handler from %s instead of %s", from, homeOf(f))
	}
	return ""
}

// declared maps the package-level variables of type Function in the contract to their Names.
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

// hasBuilder reports whether the package in dir declares func New(*wire.Env).
func hasBuilder(repo fs.FS, dir string) bool {
	for _, file := range sources(repo, dir) {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "New" && takesEnv(d.Type) {
				return true
			}
		}
	}
	return false
}

func takesEnv(f *ast.FuncType) bool {
	if f.Params.NumFields() != 1 {
		return false
	}
	pointer, ok := f.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	pkg, name := selector(pointer.X)
	return pkg == "wire" && name == "Env"
}

// TestForgottenNamesTheEdit shows that each missing edit is named.
func TestForgottenNamesTheEdit(t *testing.T) {
	const (
		value   = `package contract; var Ping = Function{Name: "ping", Paths: []string{"/ping"}}`
		handler = `package ping; func New(e *wire.Env) {}`
		main    = `package main
			import ("x/shared/apigw"; "x/shared/contract"; "x/shared/route/ping")
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
			"shared/route/ping has no value in the contract",
		}},
		{"no handler", map[string]string{"shared/route/ping/ping.go": ""}, ping, []string{
			"function ping has no handler: shared/route/ping is missing",
		}},
		{"no builder", map[string]string{"shared/route/ping/ping.go": "package ping; func New() {}"}, ping, []string{
			"function ping has no builder: shared/route/ping declares no func New(*wire.Env)",
		}},
		{"no main", map[string]string{"functions/ping/main.go": ""}, ping, []string{
			"functions/ping/main.go is missing or does not parse",
		}},
		{"main of another value", map[string]string{"functions/ping/main.go": strings.ReplaceAll(main, "contract.Ping", "contract.Pong")}, ping, []string{
			`functions/ping/main.go serves contract.Pong, which is not the contract's "ping"`,
		}},
		{"main of another handler", map[string]string{"functions/ping/main.go": strings.ReplaceAll(main, "route/ping", "other/ping")}, ping, []string{
			"functions/ping/main.go takes its handler from x/shared/other/ping instead of shared/route/ping",
		}},
		{"main that serves nothing", map[string]string{"functions/ping/main.go": "package main; func main() {}"}, ping, []string{
			"functions/ping/main.go does not call apigw.Serve",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			repo := fstest.MapFS{}
			files := map[string]string{
				"shared/contract/routes.go": value, "shared/route/ping/ping.go": handler, "functions/ping/main.go": main,
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
