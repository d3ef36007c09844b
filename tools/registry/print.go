package registry

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// String returns the plan as text for an operator: a line for each difference and a
// summary.
func (p *Plan) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range p.Changes {
		p.Changes[i].print(w)
	}
	_ = w.Flush() // into memory
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	if len(lines) > 1 {
		lines = append(lines[:len(lines)-1], "", "")
	}
	return strings.Join(lines, "\n") + p.summary() + "\n"
}

var marks = map[Op]string{Create: "+", Update: "~", Delete: "-", Kept: " "}

func (c *Change) print(w *tabwriter.Writer) {
	var notes []string
	switch c.Op {
	case Unchanged:
		return
	case Kept:
		notes = append(notes, "not in the file, kept")
	case Create, Delete:
	case Update:
		for _, f := range c.Fields {
			notes = append(notes, f.Name+" "+f.change())
		}
	}
	if c.MakesSecret {
		notes = append(notes, "gets a new secret")
	}
	if len(notes) == 0 {
		notes = append(notes, "")
	}
	_, _ = fmt.Fprintf(w, "%s %s\t%s\t%s\n", marks[c.Op], c.Kind, c.ID, notes[0])
	for _, note := range notes[1:] {
		_, _ = fmt.Fprintf(w, "\t\t%s\n", note)
	}
}

func (f *Field) change() string {
	nothing := func(s string) string {
		if s == "" {
			return "(none)"
		}
		return s
	}
	return nothing(f.Old) + " -> " + nothing(f.New)
}

func (p *Plan) summary() string {
	if len(p.Pending()) == 0 {
		return fmt.Sprintf("Nothing to do: %d unchanged%s.", p.Count(Unchanged), p.kept())
	}
	return fmt.Sprintf("%d to create, %d to update, %d to delete, %d unchanged%s.",
		p.Count(Create), p.Count(Update), p.Count(Delete), p.Count(Unchanged), p.kept())
}

func (p *Plan) kept() string {
	if n := p.Count(Kept); n > 0 {
		return fmt.Sprintf(", %d not in the file (--prune deletes)", n)
	}
	return ""
}
