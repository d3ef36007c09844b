package functions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// The helpers of edits_test.go for source text. They use syntax only, because a tree with a
// missing edit may not compile.

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

// importOf returns the path that file imports under the name pkg.
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
