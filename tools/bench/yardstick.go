package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// baseline is the running baseline server.
type baseline struct {
	cmd *exec.Cmd
	url string
}

func startBaseline(ctx context.Context, path string) (*baseline, error) {
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = []string{"GOMAXPROCS=1"} // as the functions have it
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the baseline: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("start the baseline: %w", err)
	}
	return &baseline{cmd: cmd, url: strings.TrimSpace(line)}, nil
}

func (b *baseline) pids() []int { return []int{b.cmd.Process.Pid} }

func (b *baseline) stop() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}
