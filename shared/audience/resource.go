package audience

import (
	"slices"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// maxResources bounds the resources of one request: each may cost a read.
const maxResources = 20

// wanted are the resources of a request.
type wanted struct {
	ids []string
	// userInfo reports that the userinfo endpoint is among them. It is not a
	// registered resource.
	userInfo bool
}

func (w wanted) none() bool { return len(w.ids) == 0 && !w.userInfo }

// wanted returns the requested resources, or the default one.
func (h *Resolver) wanted(c *client.Client, requested []string) (wanted, error) {
	w, err := h.resolve(requested)
	if fallback := c.DefaultResource(); err == nil && w.none() && fallback != "" && !c.SelfRegistered {
		w.ids = []string{fallback}
	}
	return w, err
}

// resolve converts the requested resources into ids without duplicates.
func (h *Resolver) resolve(requested []string) (wanted, error) {
	var w wanted
	for _, r := range requested {
		if r == "" {
			continue
		}
		id, err := client.NormalizeResource(r)
		if err != nil {
			return wanted{}, &oauth.Error{Code: oauth.InvalidTarget, Detail: err.Error(), Err: err}
		}
		switch {
		case id == h.UserInfo():
			w.userInfo = true
			continue
		case id == h.Issuer+contract.APIPath:
			id = contract.APIPath
		}
		if !slices.Contains(w.ids, id) {
			w.ids = append(w.ids, id)
		}
	}
	if len(w.ids) > maxResources {
		return wanted{}, oauth.Refuse(oauth.InvalidTarget, "the request names too many resources")
	}
	return w, nil
}

// audience returns the aud value of a resource.
func (h *Resolver) audience(id string) string {
	if id == contract.APIPath {
		return h.Issuer + id
	}
	return id
}

// UserInfo is how the userinfo endpoint stands in a token that is good there.
func (h *Resolver) UserInfo() string { return h.Issuer + contract.UserInfo.Path() }
