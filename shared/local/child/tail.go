package child

import (
	"bytes"
	"io"
	"sync"
)

// A tail keeps this many lines, and cuts a line that is longer than longest.
const (
	kept    = 20
	longest = 64 << 10
)

// tail writes whole lines to a writer and keeps the last ones.
type tail struct {
	mu    sync.Mutex
	log   io.Writer
	part  []byte
	lines []string
}

func newTail(log io.Writer) *tail {
	if log == nil {
		log = io.Discard
	}
	return &tail{log: log}
}

// Write never fails: a full disk must not stop the child.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.part = append(t.part, p...)
	end := bytes.LastIndexByte(t.part, '\n') + 1
	if end == 0 && len(t.part) > longest {
		t.part = append(t.part, '\n')
		end = len(t.part)
	}
	if end == 0 {
		return len(p), nil
	}
	_, _ = t.log.Write(t.part[:end])
	for line := range bytes.Lines(t.part[:end]) {
		t.remember(bytes.TrimRight(line, "\r\n"))
	}
	t.part = append(t.part[:0], t.part[end:]...)
	return len(p), nil
}

// flush writes a last line that has no end.
func (t *tail) flush() {
	t.mu.Lock()
	unfinished := len(t.part) > 0
	t.mu.Unlock()
	if unfinished {
		_, _ = t.Write([]byte("\n"))
	}
}

func (t *tail) remember(line []byte) {
	if len(t.lines) == kept {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, string(line))
}

// Lines returns the kept lines, oldest first.
func (t *tail) Lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.lines...)
}
