// Package cfn reads the synthesized CloudFormation templates of one stage of
// Tipstaff.
//
// The local stack has no configuration of its own. It runs what the templates
// declare, and these are the templates that `cdk deploy` sends to AWS. A template
// is a set of resources that refer to each other: "the ARN of that table", "that
// output of the other stack". AWS resolves a reference when it creates the
// resource. This package resolves it on paper, for one account and one region
// (see [Place]), and returns plain values: tables, functions with their roles,
// routes, secrets, rotations and rules (see [Stage]).
//
// # What is known here
//
// The package reads what the templates of Tipstaff use, and nothing else. These
// things are known:
//
//   - the intrinsic functions Ref, Fn::GetAtt, Fn::Join and Fn::GetStackOutput;
//   - the pseudo parameters AWS::AccountId, AWS::Partition and AWS::Region;
//   - the resource types that are listed in template.go;
//   - the properties that the reading function of a type names.
//
// All other things are an [UnknownError], inside an [Error] that names the
// stack, the resource and the path. So a property that the infrastructure code
// begins to use is never ignored in silence. Its author decides what it means on
// one machine. Most properties mean nothing there, such as the description of a
// function: the reading function names them in a call of ignore.
//
// Two parts of a template are not checked. Nothing reads an output that no
// resource refers to, or a role that no function has.
//
// # How it reads
//
// A reader holds all templates of the stage and keeps the first error. An object
// is a JSON object that is being read: each read takes a field out of it, and
// what is left at the end is unknown. So no list of known properties stands
// beside the code that reads them.
package cfn

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Stage is what the templates of one stage declare and the local stack runs. All
// lists are sorted and all references are resolved.
type Stage struct {
	Place     Place
	Tables    []Table
	Functions []Function
	Routes    []Route
	Secrets   []Secret
	Rotations []Rotation
	Rules     []Rule
}

// Source is the text of one template.
type Source struct {
	// Stack is the name of the stack. Other templates refer to it.
	Stack string
	JSON  []byte
}

// extension ends the names of the template files that `cdk synth` writes.
const extension = ".template.json"

// Read reads the templates of one stage from files named
// <stack>.template.json, in any order. A reference to another stack is resolved
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

// Parse is [Read] for templates that are in memory.
func Parse(place Place, sources ...Source) (*Stage, error) {
	r := &reader{place: place, stacks: map[string]*template{}}
	for _, s := range sources {
		if r.stacks[s.Stack] != nil {
			return nil, fmt.Errorf("two templates describe stack %s", s.Stack)
		}
		data, err := decode(s.JSON)
		if err != nil {
			return nil, fmt.Errorf("template of stack %s is broken: %w", s.Stack, err)
		}
		r.add(s.Stack, data)
	}
	stage := r.stage()
	if r.err != nil {
		return nil, r.err
	}
	return stage, nil
}

// stage reads the resources that refer to nothing first.
func (r *reader) stage() *Stage {
	s := &Stage{
		Place:     r.place,
		Tables:    list(r, typeTable, readTable),
		Secrets:   list(r, typeSecret, readSecret),
		Functions: list(r, typeFunction, readFunction),
	}
	r.each(typeAlias, checkAlias)
	r.each(typeAPI, checkAPI)
	r.each(typeAPIStage, checkAPIStage)
	s.Routes = r.routes(s)
	s.Rotations = list(r, typeRotation, s.readRotation)
	s.Rules = list(r, typeRule, s.readRule)
	sortBy(s.Tables, func(t Table) string { return t.Name })
	sortBy(s.Secrets, func(s Secret) string { return s.Name })
	sortBy(s.Functions, func(f Function) string { return f.Name })
	sortBy(s.Routes, func(r Route) string { return r.Key })
	sortBy(s.Rotations, func(r Rotation) string { return r.Secret })
	sortBy(s.Rules, func(r Rule) string { return r.ARN })
	return s
}

func sortBy[T any](list []T, key func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
