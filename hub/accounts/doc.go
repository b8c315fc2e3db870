// Package accounts keeps the hub's operators: who may sign in, with which
// password, in which roles; their sessions; and who signed in when.
//
// It promises that a password is kept only as argon2id, that checking one
// costs the same whether the name exists or not and is slowed per remote, per
// account and in all, that a session token is kept only as a hash and ends
// after 30 idle minutes, after 12 hours, or the moment its operator is
// disabled or given another password, and that every sign-in, refusal and
// change leaves an event without a password in it.
//
// It does not decide which page a role may see: console declares that at each
// route.
package accounts
