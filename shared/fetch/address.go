package fetch

import (
	"errors"
	"fmt"
	"net/netip"
)

// The parts of the IPv4 space that are not public (the IANA registry of
// special-purpose addresses, RFC 6890).
var closed4 = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // shared by a provider's customers (CGNAT)
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, where clouds hand out credentials
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast
)

// IPv6 is the other way round: everything except global unicast is closed, also what
// may be assigned later.
var (
	global6 = netip.MustParsePrefix("2000::/3")
	closed6 = prefixes(
		"2001::/23",     // protocol assignments, Teredo among them
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, which can name any IPv4 address
		"3fff::/20",     // documentation
	)
	// nat64 carries an IPv4 address in its last four bytes (RFC 6052 §2.1).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, p := range all {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// errClosed is the same for all addresses, so that the answer does not reveal how a
// name resolves inside a private network.
var errClosed = errors.New("the host has an address that is not public")

// public returns the address to dial for a, or errClosed. An IPv4 address in IPv6 form
// is checked and dialed as IPv4.
func public(a netip.Addr) (netip.Addr, error) {
	a = a.Unmap()
	if a.Zone() != "" {
		return a, errClosed
	}
	if a.Is4() {
		return a, outside(a, closed4)
	}
	if nat64.Contains(a) {
		b := a.As16()
		_, err := public(netip.AddrFrom4([4]byte(b[12:])))
		return a, err
	}
	if !global6.Contains(a) {
		return a, errClosed
	}
	return a, outside(a, closed6)
}

func outside(a netip.Addr, closed []netip.Prefix) error {
	for _, p := range closed {
		if p.Contains(a) {
			return errClosed
		}
	}
	return nil
}

// maxAddresses bounds the addresses of a host that are tried.
const maxAddresses = 4

// open returns the addresses to dial, IPv4 first because a Lambda has no other. One
// closed address closes the host: a name that resolves to both the public and our own
// network is never a mistake.
func open(resolved []netip.Addr) ([]netip.Addr, error) {
	var four, six []netip.Addr
	for _, a := range resolved {
		a, err := public(a)
		if err != nil {
			return nil, err
		}
		if a.Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	all := append(four, six...)
	if len(all) == 0 {
		return nil, fmt.Errorf("the host has no address")
	}
	return all[:min(len(all), maxAddresses)], nil
}
