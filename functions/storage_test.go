package functions_test

import (
	"fmt"
	"go/ast"
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

// The rules of the modules for storage, checked in their source text: only the contract spells
// keys, only package dynamo runs transactions, and code that speaks HTTP does not call AWS.

// modules are the folders of our Go modules.
var modules = []string{"shared", "tools", "functions", "infra"}

// each calls look with every Go file that is no test.
func each(repo fs.FS, look func(name string, file *ast.File)) {
	for _, module := range modules {
		_ = fs.WalkDir(repo, module, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil: // a module that a test has left out
				return fs.SkipDir
			case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules"):
				return fs.SkipDir
			case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			if file := parse(repo, name); file != nil {
				look(name, file)
			}
			return nil
		})
	}
}

// within reports whether a file is in a folder or below it.
func within(name, folder string) bool { return strings.HasPrefix(name, folder+"/") }

// spelled returns a sentence for each literal outside the contract that begins with a key
// prefix.
func spelled(repo fs.FS, prefixes []contract.Prefix) []string {
	var found []string
	each(repo, func(name string, file *ast.File) {
		if within(name, contractDir) {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			for _, p := range prefixes {
				if strings.HasPrefix(unquote(literal), string(p)) {
					found = append(found, fmt.Sprintf("%s spells %s, which begins with a prefix of the contract", name, literal.Value))
				}
			}
			return true
		})
	})
	return found
}

// TestKeysAreSpelledInTheContract: a prefix with one definition cannot differ between the
// package that writes a key and the policy that permits it.
func TestKeysAreSpelledInTheContract(t *testing.T) {
	for _, sentence := range spelled(os.DirFS(".."), contract.Prefixes) {
		t.Error(sentence)
	}
	repo := fstest.MapFS{
		"shared/contract/keys.go":        {Data: []byte("package contract\nconst User = \"user#\"")},
		"shared/identity/item.go":        {Data: []byte("package identity\nvar key = \"user#\" + subject")},
		"shared/identity/item_test.go":   {Data: []byte("package identity\nvar key = \"user#1\"")},
		"shared/identity/other.go":       {Data: []byte("package identity\n// \"user#\"\nvar text = \"a user#1\"")},
		"tools/registry/testdata/bad.go": {Data: []byte("package bad\nvar key = \"user#1\"")},
		"tools/registry/raw.go":          {Data: []byte("package registry\nvar key = `client#1`")},
	}
	got := spelled(repo, []contract.Prefix{contract.UserPrefix, contract.ClientPrefix})
	if len(got) != 2 || !strings.HasPrefix(got[0], "shared/identity/item.go ") || !strings.HasPrefix(got[1], "tools/registry/raw.go ") {
		t.Errorf("found %q, want the literals of item.go and raw.go", got)
	}
}

// TestEveryPrefixIsListed compares contract.Prefixes with the declarations, because the other
// tests look only for listed ones.
func TestEveryPrefixIsListed(t *testing.T) {
	var declared []contract.Prefix
	for _, file := range sources(os.DirFS(".."), contractDir) {
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, s := range group.Specs {
				spec := s.(*ast.ValueSpec)
				if spec.Type == nil || !isIdent(spec.Type, "Prefix") {
					continue
				}
				for _, value := range spec.Values {
					declared = append(declared, contract.Prefix(unquote(value)))
				}
			}
		}
	}
	listed := slices.Clone(contract.Prefixes)
	slices.Sort(declared)
	slices.Sort(listed)
	if len(declared) == 0 || !slices.Equal(declared, listed) {
		t.Errorf("declared are %q, listed are %q, want the same", declared, listed)
	}
	if len(slices.Compact(slices.Clone(listed))) != len(listed) {
		t.Errorf("listed are %q, want no prefix twice: an id of one kind would be one of another", listed)
	}
	for _, p := range listed {
		if id, ok := strings.CutSuffix(string(p), "#"); !ok || strings.Contains(id, "#") || id == "" {
			t.Errorf("the prefix %q is no word and one #", p)
		}
	}
}

// transactions are the SDK names that only package dynamo uses. They expose the index of the
// write that failed.
var transactions = []string{"TransactWriteItem", "TransactWriteItems", "TransactWriteItemsInput", "TransactionCanceledException", "CancellationReasons"}

// transacting returns a sentence for each use of those names outside package dynamo.
func transacting(repo fs.FS) []string {
	var found []string
	each(repo, func(name string, file *ast.File) {
		if within(name, "shared/dynamo") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && slices.Contains(transactions, id.Name) {
				found = append(found, fmt.Sprintf("%s uses %s: package dynamo runs transactions", name, id.Name))
			}
			return true
		})
	})
	return found
}

func TestTransactionsAreRunByDynamo(t *testing.T) {
	for _, sentence := range transacting(os.DirFS("..")) {
		t.Error(sentence)
	}
	repo := fstest.MapFS{
		"shared/dynamo/tx.go":         {Data: []byte("package dynamo\nvar w types.TransactWriteItem")},
		"shared/session/end.go":       {Data: []byte("package session\nvar w []types.TransactWriteItem")},
		"shared/session/end_test.go":  {Data: []byte("package session\nvar w []types.TransactWriteItem")},
		"shared/local/iam/iam.go":     {Data: []byte("package iam\nvar operation = \"TransactWriteItems\"")},
		"tools/registry/apply.go":     {Data: []byte("package registry\nvar err = db.TransactWriteItems(in)")},
		"tools/registry/uncertain.go": {Data: []byte("package registry\nvar err *types.TransactionInProgressException")},
	}
	got := transacting(repo)
	if len(got) != 2 || !strings.HasPrefix(got[0], "shared/session/end.go ") || !strings.HasPrefix(got[1], "tools/registry/apply.go ") {
		t.Errorf("found %q, want the uses of end.go and apply.go", got)
	}
}

// callers returns a sentence for each import of the SDK by code that speaks HTTP. Test-only
// packages may import it, to set up tables.
func callers(repo fs.FS) []string {
	const sdk = "github.com/aws/aws-sdk-go-v2"
	var found []string
	each(repo, func(name string, file *ast.File) {
		if !within(name, "shared/route") && !within(name, "shared/httpapi") || strings.HasSuffix(path.Dir(name), "test") {
			return
		}
		for _, i := range file.Imports {
			if p, _ := strconv.Unquote(i.Path.Value); p == sdk || within(p, sdk) {
				found = append(found, fmt.Sprintf("%s imports %s: what speaks HTTP calls typed methods", name, p))
			}
		}
	})
	return found
}

func TestHandlersDoNotImportTheSDK(t *testing.T) {
	for _, sentence := range callers(os.DirFS("..")) {
		t.Error(sentence)
	}
	repo := fstest.MapFS{
		"shared/route/token/token.go":       {Data: []byte("package token\nimport \"github.com/aws/aws-sdk-go-v2/service/dynamodb/types\"")},
		"shared/httpapi/form.go":            {Data: []byte("package httpapi\nimport \"github.com/aws/aws-sdk-go-v2\"")},
		"shared/route/token/token_test.go":  {Data: []byte("package token\nimport \"github.com/aws/aws-sdk-go-v2/aws\"")},
		"shared/route/routetest/stage.go":   {Data: []byte("package routetest\nimport \"github.com/aws/aws-sdk-go-v2/aws\"")},
		"shared/session/session.go":         {Data: []byte("package session\nimport \"github.com/aws/aws-sdk-go-v2/aws\"")},
		"shared/route/health/health.go":     {Data: []byte("package health\nimport \"net/http\"")},
		"shared/route/health/lookalike.go":  {Data: []byte("package health\nimport \"github.com/aws/aws-sdk-go-v2x\"")},
		"shared/httpapi/clientauth/auth.go": {Data: []byte("package clientauth\nimport sdk \"github.com/aws/aws-sdk-go-v2/aws\"")},
	}
	if got := callers(repo); len(got) != 3 {
		t.Errorf("found %q, want the imports of token.go, form.go and auth.go", got)
	}
}
