package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// cpuTime is the time that the processes have spent on a processor so far, in
// user space and in the kernel. The kernel keeps it for each thread in
// nanoseconds; the sum in /proc/<pid>/stat counts hundredths of a second.
func cpuTime(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		if len(threads) == 0 {
			return 0, fmt.Errorf("process %d is gone, or this system has no schedstat", pid)
		}
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			if os.IsNotExist(err) {
				continue // the thread ended meanwhile
			}
			if err != nil {
				return 0, err
			}
			on, _, _ := bytes.Cut(text, []byte(" "))
			nanoseconds, err := strconv.ParseInt(string(on), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read %s: %w", thread, err)
			}
			sum += time.Duration(nanoseconds)
		}
	}
	return sum, nil
}
