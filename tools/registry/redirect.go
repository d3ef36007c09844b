package registry

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tipstaff/tipstaff/shared/client"
)

func (p *parsing) redirectURI(n ast.Node) string {
	return p.place(n, "redirect URI", client.CheckRedirect)
}

// postLogoutURI follows the rules of a redirect, as a browser follows both.
func (p *parsing) postLogoutURI(n ast.Node) string {
	return p.place(n, "post-logout redirect URI", client.CheckRedirect)
}

// backChannelURI reads a URI that the server calls itself, not a browser (OIDC
// Back-Channel Logout §2.2).
func (p *parsing) backChannelURI(n ast.Node) string {
	return p.place(n, "back-channel logout URI", func(s string) error {
		if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
			return errors.New("is neither https nor http on a loopback host")
		}
		return client.CheckRedirect(s)
	})
}

// place reads a URI that a browser or the server is to call.
func (p *parsing) place(n ast.Node, what string, check func(string) error) string {
	s := p.text(n, what)
	if s == "" {
		return ""
	}
	if err := check(s); err != nil {
		p.fail(n, "%s %s: %q", what, strings.TrimPrefix(err.Error(), "redirect URI "), s)
	}
	return s
}
