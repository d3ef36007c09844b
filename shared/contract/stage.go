package contract

import "slices"

// Stage is one deployment of everything, as far as more than infra knows of it.
type Stage struct {
	// Name is the stage's part of every physical name.
	Name string
	// AuditDays is how many days the stage keeps an audit item.
	AuditDays int
}

// Staging is where a change proves itself.
var Staging = Stage{Name: "staging", AuditDays: 30}

// Prod is what users depend on.
var Prod = Stage{Name: "prod", AuditDays: 400}

// Stages are all stages, in the order in which they are synthesized.
var Stages = []Stage{Staging, Prod}

// FindStage returns the stage of that name.
func FindStage(name string) (Stage, bool) {
	i := slices.IndexFunc(Stages, func(s Stage) bool { return s.Name == name })
	if i < 0 {
		return Stage{}, false
	}
	return Stages[i], true
}

// StageNames returns the names of all stages, in their order.
func StageNames() []string {
	names := make([]string, len(Stages))
	for i, s := range Stages {
		names[i] = s.Name
	}
	return names
}
