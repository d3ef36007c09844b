package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ClientDocuments lists the hosts from which a stage accepts metadata documents. See
// EnvClientDocuments for the text form. The zero value accepts none.
type ClientDocuments struct {
	// Any accepts every host.
	Any bool
	// Hosts are the accepted hosts when Any is false.
	Hosts []string
}

// The values of EnvClientDocuments and EnvRegistration that are keywords.
const (
	off      = "off"
	anyHost  = "any"
	maxHosts = 100
)

// ParseClientDocuments reads "off", "any", or host names in lower case, separated by
// commas.
func ParseClientDocuments(value string) (ClientDocuments, error) {
	switch value {
	case off:
		return ClientDocuments{}, nil
	case anyHost:
		return ClientDocuments{Any: true}, nil
	}
	hosts := strings.Split(value, ",")
	if len(hosts) > maxHosts {
		return ClientDocuments{}, fmt.Errorf("more than %d hosts", maxHosts)
	}
	for _, h := range hosts {
		if !hostName(h) {
			return ClientDocuments{}, fmt.Errorf("%q is none of off, any, and host names such as app.example.com with commas between them", h)
		}
	}
	return ClientDocuments{Hosts: hosts}, nil
}

// hostName reports whether h is a name with a dot, in lower case.
func hostName(h string) bool {
	labels := strings.Split(h, ".")
	for _, label := range labels {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(labels) > 1
}

// Off reports whether no documents are accepted.
func (d ClientDocuments) Off() bool { return !d.Any && len(d.Hosts) == 0 }

// Allows reports whether documents at a host are accepted.
func (d ClientDocuments) Allows(host string) bool { return d.Any || slices.Contains(d.Hosts, host) }

// Registration is the policy for client registration in a stage (RFC 7591 §3).
type Registration string

// The values of EnvRegistration.
const (
	// RegistrationOff refuses all registrations.
	RegistrationOff Registration = off
	// RegistrationToken requires an access token with ScopeRegister.
	RegistrationToken Registration = "token"
	// RegistrationOpen allows every registration.
	RegistrationOpen Registration = "open"
)

// ParseRegistration reads a value of EnvRegistration.
func ParseRegistration(value string) (Registration, error) {
	switch r := Registration(value); r {
	case RegistrationOff, RegistrationToken, RegistrationOpen:
		return r, nil
	}
	return "", errors.New("it is none of off, token and open")
}
