package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// tree is a checkout.
type tree struct {
	root string
	// files are those of each folder that has Go files, tests excepted: of a
	// folder with nothing but tests there are none.
	files map[string][]*source
}

// left are the folders at the root that hold no source.
var left = []string{"bin", "node_modules", "cdk.out"}

// readTree parses every Go file of a checkout.
func readTree(root string) (*tree, error) {
	t := &tree{root: root, files: map[string][]*source{}}
	err := walk(root, func(name string, d fs.DirEntry) error {
		dir := path.Dir(name)
		if d.Type() != 0 || !strings.HasSuffix(name, ".go") {
			return nil
		}
		if strings.HasSuffix(name, "_test.go") {
			if _, known := t.files[dir]; !known {
				t.files[dir] = nil
			}
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		t.files[dir] = append(t.files[dir], &source{file: name, set: set, text: text, decl: file})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return t, nil
}

// walk calls each with every file of a checkout that is source, by its path with
// slashes.
func walk(root string, each func(name string, d fs.DirEntry) error) error {
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if slices.Contains(left, name) || strings.HasPrefix(name, ".") && name != "." {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		return each(name, d)
	})
}

// copyTo copies the checkout into a folder, with links to what was built and
// installed.
func (t *tree) copyTo(folder string) error {
	err := walk(t.root, func(name string, d fs.DirEntry) error {
		from, to := filepath.Join(t.root, name), filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(from)
			if err != nil {
				return err
			}
			return os.Symlink(target, to)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, info.Mode())
	})
	if err != nil {
		return fmt.Errorf("copy the tree: %w", err)
	}
	for _, name := range left {
		target := filepath.Join(t.root, name)
		if _, err := os.Stat(target); err == nil {
			if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
				return fmt.Errorf("copy the tree: %w", err)
			}
		}
	}
	return nil
}

// folder returns the one folder with Go files that is called so: "client" is
// "shared/client", and "httpapi/token" says which of two.
func (t *tree) folder(name string) (string, error) {
	found := t.folders(name)
	if len(found) != 1 {
		return "", fmt.Errorf("package %s is any of %q, want one", name, found)
	}
	return found[0], nil
}

func (t *tree) folders(name string) []string {
	var found []string
	for dir := range t.files {
		if dir == name || strings.HasSuffix(dir, "/"+name) {
			found = append(found, dir)
		}
	}
	slices.Sort(found)
	return found
}

// find returns a declaration by the end of its folder and its name: "client.Decode",
// "client.Store.Get" for a method. A constant or a variable stands for the whole
// group in which it is.
func (t *tree) find(name string) (*source, string, error) {
	at := strings.LastIndex(name, "/") + 1
	pkg, decl, ok := strings.Cut(name[at:], ".")
	if !ok {
		return nil, "", fmt.Errorf("%s is not a package and a name in it", name)
	}
	var found *source
	var where string
	for _, dir := range t.folders(name[:at] + pkg) {
		for _, file := range t.files[dir] {
			if d := declared(file.decl.(*ast.File), decl); d != nil {
				if found != nil {
					return nil, "", fmt.Errorf("%s is declared in %s and in %s", name, where, dir)
				}
				copied := *file
				copied.decl, copied.pkg, found, where = d, file.decl.(*ast.File).Name.Name, &copied, dir
			}
		}
	}
	if found == nil {
		return nil, "", fmt.Errorf("%s is not declared anywhere", name)
	}
	return found, where, nil
}

// declared is the declaration of a name, nil if the file has none.
func declared(file *ast.File, name string) ast.Node {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if receiver(d)+d.Name.Name == name {
				return d
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.Name == name {
						return spec
					}
				case *ast.ValueSpec:
					if slices.ContainsFunc(spec.Names, func(id *ast.Ident) bool { return id.Name == name }) {
						return d
					}
				}
			}
		}
	}
	return nil
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) != 1 {
		return ""
	}
	of := d.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	if id, ok := of.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}

// module is the folder of the module that a package belongs to.
func (t *tree) module(dir string) (string, error) {
	for ; ; dir = path.Dir(dir) {
		if _, err := os.Stat(filepath.Join(t.root, dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == "." {
			return "", errors.New("there is no go.mod")
		}
	}
}
