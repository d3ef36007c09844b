package cfn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Source is the text of one template.
type Source struct {
	// Stack is the name of the stack, which other templates refer to.
	Stack string
	JSON  []byte
}

// extension is how `cdk synth` ends the name of a template file.
const extension = ".template.json"

// Read reads the templates of one stage from files named
// <stack>.template.json, in any order. References between stacks are resolved
// among these files only.
func Read(place Place, files ...string) (*Stage, error) {
	sources := make([]Source, 0, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("template %s does not exist", file)
		}
		if err != nil {
			return nil, fmt.Errorf("read template: %w", err)
		}
		sources = append(sources, Source{Stack: strings.TrimSuffix(filepath.Base(file), extension), JSON: data})
	}
	return Parse(place, sources...)
}

// Parse is Read for templates that are already in memory.
func Parse(place Place, sources ...Source) (*Stage, error) {
	r := &reader{place: place, stacks: map[string]*template{}}
	for _, s := range sources {
		if r.stacks[s.Stack] != nil {
			return nil, fmt.Errorf("two templates describe stack %s", s.Stack)
		}
		t, err := parse(s)
		if err != nil {
			return nil, fmt.Errorf("template of stack %s is broken: %w", s.Stack, err)
		}
		r.stacks[s.Stack] = t
		r.order = append(r.order, s.Stack)
	}
	slices.Sort(r.order)
	return r.stage()
}

// template is one template as written, with its references unresolved.
type template struct {
	stack      string
	Parameters map[string]parameter
	Mappings   map[string]map[string]map[string]any
	Conditions map[string]any
	Resources  map[string]*resource
	Outputs    map[string]output
}

type parameter struct {
	Type    string
	Default any
}

type output struct {
	Value     any
	Export    struct{ Name any }
	Condition string
}

type resource struct {
	t          *template
	id         string
	Type       string
	Condition  string
	Properties map[string]any
}

func parse(s Source) (*template, error) {
	dec := json.NewDecoder(bytes.NewReader(s.JSON))
	dec.UseNumber()
	t := &template{stack: s.Stack}
	if err := dec.Decode(t); err != nil {
		return nil, fmt.Errorf("it is not the JSON of a template: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the end of its JSON")
	}
	if len(t.Resources) == 0 {
		return nil, errors.New("it declares no resources")
	}
	for id, res := range t.Resources {
		if res == nil || res.Type == "" {
			return nil, fmt.Errorf("resource %s has no type", id)
		}
		res.t, res.id = t, id
	}
	return t, nil
}

// reader holds the templates that are read together.
type reader struct {
	place  Place
	stacks map[string]*template
	// order are the names of the stacks, sorted.
	order []string
	// depth counts nested references and ends a circle of them.
	depth int
}

// each calls visit for every existing resource of one of the types, in a fixed
// order, and stops at the first error. A resource whose condition is false does
// not exist.
func (r *reader) each(visit func(*resource) error, types ...string) error {
	for _, stack := range r.order {
		t := r.stacks[stack]
		for _, id := range sortedKeys(t.Resources) {
			res := t.Resources[id]
			if !slices.Contains(types, res.Type) {
				continue
			}
			exists, err := r.holds(t, res.Condition)
			if err != nil {
				return &Error{Stack: stack, Resource: id + " (" + res.Type + ")", Property: "Condition", Err: err}
			}
			if !exists {
				continue
			}
			if err := visit(res); err != nil {
				return err
			}
		}
	}
	return nil
}

// holds reports whether a condition of a resource or output is true; no
// condition is true.
func (r *reader) holds(t *template, condition string) (bool, error) {
	if condition == "" {
		return true, nil
	}
	return r.condition(t, condition)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
