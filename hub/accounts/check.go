package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"nghe/hub/database"
)

// Check signs name in with password from remote (an address). It returns
// *Refused when the pair is wrong, the account is disabled, or too many were
// tried; every other error is the hub's own.
func (a *Accounts) Check(ctx context.Context, name, password, remote string) (Account, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	now := a.cfg.Now()
	if wait := a.limits.wait(now, name, remote); wait > 0 {
		return Account{}, a.slowed(ctx, remote, &Refused{RetryAfter: wait})
	}
	account, phc, err := a.find(ctx, name)
	if err != nil {
		return Account{}, err
	}
	right, err := a.compare(ctx, phc, password)
	if err != nil {
		return Account{}, fmt.Errorf("check password: %w", err)
	}
	if !right || account.Name == "" || !account.Disabled.IsZero() {
		return Account{}, a.refuse(ctx, account, remote)
	}
	a.limits.succeeded(name, remote)
	return account, a.welcome(ctx, account, phc, password, remote)
}

// find returns the decoy's hash where there is no account, so that a wrong
// name costs what a wrong password costs.
func (a *Accounts) find(ctx context.Context, name string) (Account, string, error) {
	account, phc, err := scan(a.cfg.DB.Read().QueryRowContext(ctx, a.sql["get"], name))
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, a.decoy, nil
	}
	if err != nil {
		return Account{}, "", fmt.Errorf("check password: %w", err)
	}
	return account, phc, nil
}

func (a *Accounts) compare(ctx context.Context, phc, password string) (bool, error) {
	if len(password) > maxPassword {
		password = "" // no account has an empty one; the cost stays the same
	}
	return a.hash.matches(ctx, phc, password)
}

// refuse keeps an event. What was typed as an unknown name is not kept: it may
// be a password in the wrong field.
func (a *Accounts) refuse(ctx context.Context, account Account, remote string) error {
	e := Event{Kind: "refused", Operator: account.Name, Remote: remote}
	switch {
	case account.Name == "":
		e.Detail = "unknown name"
	case !account.Disabled.IsZero():
		e.Detail = "disabled"
	default:
		e.Detail = "wrong password"
	}
	if err := a.Record(ctx, e); err != nil {
		return err
	}
	return &Refused{}
}

func (a *Accounts) slowed(ctx context.Context, remote string, r *Refused) error {
	if a.limits.note(a.cfg.Now()) {
		if err := a.Record(ctx, Event{Kind: "slowed", Remote: remote, Detail: "too many tries"}); err != nil {
			return err
		}
	}
	return r
}

// welcome keeps an event, and renews a hash made at an older cost.
func (a *Accounts) welcome(ctx context.Context, account Account, old, password, remote string) error {
	fresh := ""
	if p, err := parsePHC(old); err == nil && !p.current() {
		if fresh, err = a.hash.hash(ctx, password); err != nil {
			return fmt.Errorf("renew password hash: %w", err)
		}
	}
	err := a.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		if fresh != "" {
			if _, err := tx.Exec(ctx, a.sql["rehash"], fresh, account.Name, old); err != nil {
				return err
			}
		}
		return a.event(ctx, tx, Event{Kind: "sign-in", Operator: account.Name, By: account.Name, Remote: remote})
	})
	if err != nil {
		return fmt.Errorf("keep sign-in: %w", err)
	}
	return nil
}
