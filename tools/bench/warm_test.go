package main

import "testing"

// answer is what callgrind_control prints for a process of two threads.
const answer = `PID 2658: /bin/token/bootstrap
sending command status internal to pid 2658

  Totals:         Ir 
   Th 1  106,309,283 
   Th 2    1,945,963 
   Th 10         717 

`

func TestInstructionsOfAllThreadsCount(t *testing.T) {
	if n, err := total([]byte(answer)); n != 108_255_963 || err != nil {
		t.Errorf("total = %d, %v, want 108255963", n, err)
	}
	for _, nothing := range []string{"", "PID 2658: /bin/token/bootstrap\n", "   Th 1  99,999,999,999,999,999,999 \n"} {
		if n, err := total([]byte(nothing)); err == nil {
			t.Errorf("total(%q) = %d, want an error", nothing, n)
		}
	}
}

// A figure of another architecture has nothing to be compared with, and the
// spread is that of the runs around their median.
func TestWarmFiguresHaveASpread(t *testing.T) {
	figures := warmFigures("refresh", []int{1_000_000, 1_010_000, 990_000}, 500_000, 1.1)
	if f := figures[0]; f.value != 1000 || f.spread != 0.02 || f.missed() {
		t.Errorf("figure = %+v, want 1000 k with a spread of 2 %% and no bar", f)
	}
	if len(figures) == 2 && !figures[1].missed() {
		t.Errorf("figure = %+v, want a missed bar: twice what it was", figures[1])
	}
}
