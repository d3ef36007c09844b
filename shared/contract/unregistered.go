package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ClientDocuments says whose metadata documents make a client in a stage, as
// EnvClientDocuments spells it. The zero value is nobody's.
type ClientDocuments struct {
	// Any host may have one.
	Any bool
	// Hosts are those that may, where not any may.
	Hosts []string
}

// The values of EnvClientDocuments and EnvRegistration that are words.
const (
	off      = "off"
	anyHost  = "any"
	maxHosts = 100
)

// ParseClientDocuments reads "off", "any", or host names with commas between
// them, in lower case.
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

// Off reports whether no document makes a client.
func (d ClientDocuments) Off() bool { return !d.Any && len(d.Hosts) == 0 }

// Allows reports whether documents at a host make a client.
func (d ClientDocuments) Allows(host string) bool { return d.Any || slices.Contains(d.Hosts, host) }

// Registration says who may register a client in a stage (RFC 7591 §3).
type Registration string

// The values of EnvRegistration.
const (
	// RegistrationOff is for nobody.
	RegistrationOff Registration = off
	// RegistrationToken is for who shows an access token with ScopeRegister.
	RegistrationToken Registration = "token"
	// RegistrationOpen is for everybody.
	RegistrationOpen Registration = "open"
)

// ParseRegistration reads one of these.
func ParseRegistration(value string) (Registration, error) {
	switch r := Registration(value); r {
	case RegistrationOff, RegistrationToken, RegistrationOpen:
		return r, nil
	}
	return "", errors.New("it is none of off, token and open")
}
