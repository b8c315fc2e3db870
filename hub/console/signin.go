package console

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"nghe/hub/accounts"
)

type signInBody struct{ Problem, Name, Next string }

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request) error {
	next := local(r.FormValue("next"))
	if visitorOf(r.Context()).known {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	return c.door(w, r, http.StatusOK, signInBody{Next: next})
}

func (c *Console) door(w http.ResponseWriter, r *http.Request, status int, b signInBody) error {
	return c.show(&lateStatus{w, status}, r, "signin", page{Title: c.face(r).text("signin.title"), Body: b})
}

// lateStatus sends its status with the first byte, so that an error before it
// can still choose another.
type lateStatus struct {
	http.ResponseWriter
	status int
}

func (w *lateStatus) Write(b []byte) (int, error) {
	if w.status != 0 {
		w.WriteHeader(w.status)
		w.status = 0
	}
	return w.ResponseWriter.Write(b)
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) error {
	name, next := r.PostFormValue("name"), local(r.PostFormValue("next"))
	account, err := c.cfg.Accounts.Check(r.Context(), name, r.PostFormValue("password"), remote(r))
	var refused *accounts.Refused
	if errors.As(err, &refused) {
		return c.refuseSignIn(w, r, refused, signInBody{Name: name, Next: next})
	}
	if err != nil {
		return err
	}
	if err := c.sessions.SignIn(r.Context(), account); err != nil {
		return err
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (c *Console) refuseSignIn(w http.ResponseWriter, r *http.Request, refused *accounts.Refused, b signInBody) error {
	f := c.face(r)
	if refused.RetryAfter == 0 {
		b.Problem = f.text("signin.wrong")
		return c.door(w, r, http.StatusUnauthorized, b)
	}
	wait := max(refused.RetryAfter, time.Second).Round(time.Second)
	w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	b.Problem = f.text("signin.slow", f.locale.Duration(wait))
	return c.door(w, r, http.StatusTooManyRequests, b)
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := c.sessions.SignOut(r.Context(), remote(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
	return nil
}

type passwordBody struct{ Problem string }

func (c *Console) showPassword(w http.ResponseWriter, r *http.Request) error {
	return c.passwordPage(w, r, http.StatusOK, "")
}

func (c *Console) passwordPage(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	return c.show(&lateStatus{w, status}, r, "password",
		page{Title: c.face(r).text("password.title"), Body: passwordBody{problem}})
}

// setPassword asks for the old password again: an unattended screen must not
// be enough to take an account over. It ends all sessions of the account and
// begins one new.
func (c *Console) setPassword(w http.ResponseWriter, r *http.Request) error {
	f, name := c.face(r), visitorOf(r.Context()).account.Name
	if r.PostFormValue("new") != r.PostFormValue("again") {
		return c.passwordPage(w, r, http.StatusUnprocessableEntity, f.text("password.differ"))
	}
	account, err := c.cfg.Accounts.Check(r.Context(), name, r.PostFormValue("old"), remote(r))
	var refused *accounts.Refused
	if errors.As(err, &refused) {
		return c.passwordPage(w, r, http.StatusUnprocessableEntity, f.text("password.wrong"))
	}
	if err != nil {
		return err
	}
	err = c.cfg.Accounts.SetPassword(r.Context(), name, r.PostFormValue("new"), name)
	var weak *accounts.Weak
	if errors.As(err, &weak) {
		return c.passwordPage(w, r, http.StatusUnprocessableEntity, f.text("password.weak"))
	}
	if err != nil {
		return err
	}
	if err := c.sessions.SignIn(r.Context(), account); err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
