package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// pseudoTerminal returns both ends of a pseudo terminal: the side of the person who
// types, and the side from which the command reads.
func pseudoTerminal(t *testing.T) (person, command *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	command, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Close() })
	return person, command
}

// At a terminal a password is asked for twice, a client secret once, and neither is
// shown.
func TestReadPasswordAtATerminal(t *testing.T) {
	tests := []struct {
		name, again, prompt, want, problem string
		read                               func(*cobra.Command, string) (string, error)
	}{
		{name: "the same twice", read: readPassword, again: first, prompt: "New password of ann: ", want: first},
		{
			name: "different", read: readPassword, again: second, prompt: "New password of ann: ",
			problem: "nothing was changed: the two passwords differ",
		},
		{name: "client secret", read: readClientSecret, again: second, prompt: "Client secret of ann: ", want: first},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			person, command := pseudoTerminal(t)
			cmd := &cobra.Command{}
			cmd.SetIn(command)
			cmd.SetErr(command)
			var seen strings.Builder
			prompts := make(chan struct{})
			go func() {
				defer close(prompts)
				buffer := make([]byte, 1024)
				for {
					n, err := person.Read(buffer)
					if err != nil {
						return
					}
					seen.Write(buffer[:n])
					if strings.HasSuffix(seen.String(), ": ") {
						prompts <- struct{}{}
					}
				}
			}()
			go func() {
				for _, line := range []string{first, tt.again} {
					if _, open := <-prompts; !open {
						return
					}
					// The prompt comes before the echo is switched off.
					time.Sleep(50 * time.Millisecond)
					_, _ = io.WriteString(person, line+"\n")
				}
			}()
			got, err := tt.read(cmd, "ann")
			problem := ""
			if err != nil {
				problem = err.Error()
			}
			if got != tt.want || problem != tt.problem {
				t.Errorf("read = %q, %v, want %q, %q", got, err, tt.want, tt.problem)
			}
			_ = command.Close()
			_ = person.Close()
			for range prompts { // until the reader is done
			}
			if text := seen.String(); !strings.Contains(text, tt.prompt) || strings.Contains(text, first) || strings.Contains(text, tt.again) {
				t.Errorf("the terminal showed %q, want the prompts and no password", text)
			}
		})
	}
}
