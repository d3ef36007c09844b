package cfn

import (
	"cmp"
	"slices"
)

// stage collects everything that the local stack runs.
func (r *reader) stage() (*Stage, error) {
	s := &Stage{Place: r.place}
	for _, collect := range []func(*Stage) error{
		r.tables, r.functions, r.routes, r.secrets, r.rotations, r.rules,
	} {
		if err := collect(s); err != nil {
			return nil, err
		}
	}
	s.Outputs = r.outputs()
	slices.SortFunc(s.Tables, func(a, b Table) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Functions, func(a, b Function) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Routes, func(a, b Route) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(s.Secrets, func(a, b Secret) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Rotations, func(a, b Rotation) int { return cmp.Compare(a.Secret, b.Secret) })
	slices.SortFunc(s.Rules, func(a, b Rule) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Function, b.Function)) })
	return s, nil
}
