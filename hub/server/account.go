package server

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"nghe/hub/accounts"
	"nghe/shared/command"
)

// accountCommand is for whoever has the hub's machine in hand: the way back in
// after a lost password, and the way to a second operator.
type accountCommand struct {
	List     accountList     `cmd:"" help:"List the accounts."`
	Add      accountAdd      `cmd:"" help:"Make an account and print its password, this once."`
	Password accountPassword `cmd:"" help:"Give an account a new password, printed this once; its sessions end."`
	Reader   accountReader   `cmd:"" help:"Let an account open messages, or no more; its sessions end."`
	Disable  accountDisable  `cmd:"" help:"Shut an account; its sessions end."`
	Enable   accountEnable   `cmd:"" help:"Open an account again."`
}

// byCommand stands in the access log for what was done on the command line.
const byCommand = "command line"

func useAccounts(ctx context.Context, where storage, do func(*accounts.Accounts) error) error {
	return use(ctx, where, func(s store) error {
		a, err := accounts.Open(ctx, accounts.Config{DB: s.db})
		if err != nil {
			return err
		}
		return do(a)
	})
}

type accountList struct{ storage }

// Run prints the accounts.
func (c *accountList) Run(ctx context.Context, out command.Output) error {
	return useAccounts(ctx, c.storage, func(a *accounts.Accounts) error {
		all, err := a.List(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tROLES\tDISABLED")
		for _, one := range all {
			fmt.Fprintf(w, "%s\t%v\t%t\n", one.Name, one.Roles, !one.Disabled.IsZero())
		}
		return w.Flush()
	})
}

// secret is where a password comes from.
type secret struct {
	Stdin bool `help:"Read the password from standard input instead of making one."`
}

func (s secret) read() (string, error) {
	if !s.Stdin {
		return rand.Text()[:20], nil
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (s secret) tell(out command.Output, name, password string) {
	if s.Stdin {
		fmt.Fprintf(out, "%s: password set\n", name)
		return
	}
	fmt.Fprintf(out, "%s: password %s (shown this once)\n", name, password)
}

type accountAdd struct {
	storage
	secret
	Name   string `arg:"" help:"Name to sign in with."`
	Admin  bool   `help:"May also revoke devices, make kits, delete messages and read the access log."`
	Reader bool   `help:"May also open messages; nobody else may."`
}

// Run makes the account.
func (c *accountAdd) Run(ctx context.Context, out command.Output) error {
	roles := []accounts.Role{accounts.Operator}
	if c.Admin {
		roles = append(roles, accounts.Admin)
	}
	if c.Reader {
		roles = append(roles, accounts.Reader)
	}
	password, err := c.read()
	if err != nil {
		return err
	}
	return useAccounts(ctx, c.storage, func(a *accounts.Accounts) error {
		if err := a.Create(ctx, c.Name, password, roles, byCommand); err != nil {
			return err
		}
		c.tell(out, c.Name, password)
		return nil
	})
}

type accountPassword struct {
	storage
	secret
	Name string `arg:"" help:"Account."`
}

// Run sets the password.
func (c *accountPassword) Run(ctx context.Context, out command.Output) error {
	password, err := c.read()
	if err != nil {
		return err
	}
	return useAccounts(ctx, c.storage, func(a *accounts.Accounts) error {
		if err := a.SetPassword(ctx, c.Name, password, byCommand); err != nil {
			return err
		}
		c.tell(out, c.Name, password)
		return nil
	})
}

type accountReader struct {
	storage
	Name string `arg:"" help:"Account."`
	Take bool   `help:"Take the right away."`
}

// Run gives the right to open messages, or takes it.
func (c *accountReader) Run(ctx context.Context) error {
	return useAccounts(ctx, c.storage, func(a *accounts.Accounts) error { return a.SetReader(ctx, c.Name, !c.Take, byCommand) })
}

type accountDisable struct {
	storage
	Name string `arg:"" help:"Account."`
}

// Run shuts the account.
func (c *accountDisable) Run(ctx context.Context) error {
	return useAccounts(ctx, c.storage, func(a *accounts.Accounts) error { return a.Disable(ctx, c.Name, byCommand) })
}

type accountEnable struct {
	storage
	Name string `arg:"" help:"Account."`
}

// Run opens the account.
func (c *accountEnable) Run(ctx context.Context) error {
	return useAccounts(ctx, c.storage, func(a *accounts.Accounts) error { return a.Enable(ctx, c.Name, byCommand) })
}
