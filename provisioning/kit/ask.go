package kit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

var errNoTerminal = errors.New("nobody can be asked, there is no terminal")

// askTerminal asks on the terminal. What is piped in is not an answer: a
// forgotten pipe must not become a password.
func askTerminal(ctx context.Context, question string, secret bool) (string, error) {
	restore, err := prepare(os.Stdin, secret)
	if err != nil {
		return "", errNoTerminal
	}
	defer restore()
	fmt.Fprint(os.Stderr, question)
	if secret {
		defer fmt.Fprintln(os.Stderr)
	}
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() { // cannot be interrupted; ends with the process
		text, err := bufio.NewReader(os.Stdin).ReadString('\n')
		read <- line{strings.TrimRight(text, "\r\n"), err}
	}()
	select {
	case l := <-read:
		if l.err == nil && l.text == "" {
			l.err = errors.New("nothing was typed")
		}
		return l.text, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
