package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"nghe/hub/accounts"
	"nghe/hub/registry"
)

// revoke ends the trust in a device. The browser's typed confirmation is a
// help; what counts is checked here. Both logs keep it: registry's for the
// device, accounts' for the operator.
func (c *Console) revoke(w http.ResponseWriter, r *http.Request) error {
	id, reason := r.PathValue("id"), strings.TrimSpace(r.PostFormValue("reason"))
	device, err := c.cfg.Registry.Device(r.Context(), id)
	if errors.Is(err, registry.ErrNoDevice) {
		return c.notFound(w, r)
	}
	if err != nil {
		return err
	}
	if strings.TrimSpace(r.PostFormValue("confirm")) != id || len([]rune(reason)) < 4 {
		c.answer(w, r, http.StatusUnprocessableEntity, "confirm", "refused.confirm")
		return nil
	}
	by := visitorOf(r.Context()).account.Name
	err = c.cfg.Accounts.Record(r.Context(), accounts.Event{Kind: "device-revoked", By: by, Remote: remote(r),
		Detail: id + " (" + device.Place + "): " + reason})
	if err != nil {
		return err
	}
	if err := c.cfg.Registry.Revoke(r.Context(), id, reason, by); err != nil {
		return err
	}
	c.fleet.forget() // the next page must show it
	http.Redirect(w, r, "/places/"+url.PathEscape(device.Place)+"?revoked="+url.QueryEscape(id), http.StatusSeeOther)
	return nil
}
