package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tipstaff/tipstaff/shared/identity"
)

// readPassword asks for a password twice when there is somebody to ask, without
// showing it, and otherwise takes all of the standard input, without the end of
// its line.
func readPassword(cmd *cobra.Command, user string) (string, error) {
	if in, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		first, err := ask(cmd, in, "New password of "+user+": ")
		if err != nil {
			return "", err
		}
		second, err := ask(cmd, in, "The same once more: ")
		if err != nil {
			return "", err
		}
		if first != second {
			return "", errors.New("nothing was changed: the two passwords differ")
		}
		return first, nil
	}
	// A longer one is refused for its length.
	data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), identity.MaxPassword+3))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if password == "" {
		return "", errors.New("there is no password on the standard input")
	}
	return password, nil
}

func ask(cmd *cobra.Command, in *os.File, prompt string) (string, error) {
	if _, err := fmt.Fprint(cmd.ErrOrStderr(), prompt); err != nil {
		return "", err
	}
	password, err := term.ReadPassword(int(in.Fd()))
	_, _ = fmt.Fprintln(cmd.ErrOrStderr())
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(password), nil
}
