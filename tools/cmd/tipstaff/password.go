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
	"github.com/tipstaff/tipstaff/shared/upstream/secrets"
)

// readPassword asks for a password twice when there is somebody to ask, without
// showing it, and otherwise takes all of the standard input, without the end of
// its line.
func readPassword(cmd *cobra.Command, user string) (string, error) {
	if in := keyboard(cmd); in != nil {
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
	return readInput(cmd, "password", identity.MaxPassword)
}

// readClientSecret is readPassword for a secret that somebody else made up, and that
// nobody types.
func readClientSecret(cmd *cobra.Command, upstream string) (string, error) {
	if in := keyboard(cmd); in != nil {
		return ask(cmd, in, "Client secret of "+upstream+": ")
	}
	return readInput(cmd, "client secret", secrets.MaxSecret)
}

// keyboard is where somebody can be asked, nil if there is nobody.
func keyboard(cmd *cobra.Command) *os.File {
	if in, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		return in
	}
	return nil
}

// readInput takes all of the standard input, or as much as is refused for its
// length, without the end of its line.
func readInput(cmd *cobra.Command, what string, longest int64) (string, error) {
	data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), longest+3))
	if err != nil {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("there is no %s on the standard input", what)
	}
	return text, nil
}

func ask(cmd *cobra.Command, in *os.File, prompt string) (string, error) {
	if _, err := fmt.Fprint(cmd.ErrOrStderr(), prompt); err != nil {
		return "", err
	}
	password, err := term.ReadPassword(int(in.Fd()))
	_, _ = fmt.Fprintln(cmd.ErrOrStderr())
	if err != nil {
		return "", fmt.Errorf("read what is typed: %w", err)
	}
	return string(password), nil
}
