package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// A figure is one measured value and, unless both are zero, its bar.
type figure struct {
	what  string
	value float64
	unit  string
	// most and least are the bar.
	most, least float64
	// spread is the distance of the highest of several runs to the lowest, as a
	// part of value, which is their median; 0 for a single one.
	spread float64
	// missing says that this machine cannot measure it.
	missing bool
}

func (f figure) missed() bool {
	return !f.missing && (f.most > 0 && f.value > f.most || f.least > 0 && f.value < f.least)
}

func (f figure) bar() string {
	switch {
	case f.most > 0:
		return fmt.Sprintf("≤ %g", f.most)
	case f.least > 0:
		return fmt.Sprintf("≥ %g", f.least)
	}
	return ""
}

func (f figure) verdict() string {
	switch {
	case f.missing:
		return "not measured"
	case f.missed():
		return "MISSED"
	case f.bar() != "":
		return "ok"
	}
	return ""
}

// show prints the figures as a table and returns how many missed their bar.
func show(out io.Writer, figures []figure) (missed int) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range figures {
		value := fmt.Sprintf("%.2f %s", f.value, f.unit)
		if f.spread > 0 {
			value += fmt.Sprintf(", spread %.1f %%", 100*f.spread)
		}
		if f.missing {
			value = "–"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.what, value, f.bar(), f.verdict())
		if f.missed() {
			missed++
		}
	}
	_ = w.Flush() // a closed terminal
	return missed
}

// median sorts values and returns the middle one.
func median[T ~int | ~int64 | ~float64](values []T) T {
	slices.Sort(values)
	middle := len(values) / 2
	return (values[middle] + values[len(values)-1-middle]) / 2
}
