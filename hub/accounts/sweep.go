package accounts

import "context"

// Sweep forgets sessions that have ended. Signing in does so as well; a hub
// where nobody signs in keeps them otherwise.
func (a *Accounts) Sweep(ctx context.Context) error { return a.forget(ctx) }
