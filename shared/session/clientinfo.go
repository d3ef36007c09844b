package session

import (
	"net/netip"
	"strings"
)

// ClientInfo is what is kept of the origin of a request: enough for the user to
// recognise their own device, and too little to locate it.
type ClientInfo struct {
	// IP is the network of the address, such as "203.0.113.0/24" or
	// "2001:db8:7::/48", empty when it is unknown.
	IP string
	// Agent is the program and the system, such as "Firefox on Linux", empty
	// when it is unknown.
	Agent string
}

// NewClientInfo returns what is kept of an address, with or without a port, and of a
// User-Agent.
func NewClientInfo(remoteAddr, userAgent string) ClientInfo {
	return ClientInfo{IP: network(remoteAddr), Agent: agent(userAgent)}
}

// Detail returns the detail of an audit entry about a request from there: the "ip" and
// "agent" that are known, and pairs of names and values without the empty ones.
func (d ClientInfo) Detail(pairs ...string) map[string]string {
	detail := map[string]string{}
	for pairs = append(pairs, "ip", d.IP, "agent", d.Agent); len(pairs) > 1; pairs = pairs[2:] {
		if pairs[1] != "" {
			detail[pairs[0]] = pairs[1]
		}
	}
	return detail
}

func network(remoteAddr string) string {
	ip, err := netip.ParseAddr(remoteAddr)
	if err != nil {
		withPort, err := netip.ParseAddrPort(remoteAddr)
		if err != nil {
			return ""
		}
		ip = withPort.Addr()
	}
	ip = ip.Unmap().WithZone("")
	bits := 48
	if ip.Is4() {
		bits = 24
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// The order matters: most browsers also name those below them.
var (
	programs = [][2]string{
		{"Edg/", "Edge"},
		{"EdgA/", "Edge"},
		{"EdgiOS/", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"CrOS", "ChromeOS"},
		{"Mac OS X", "macOS"},
		{"Linux", "Linux"},
	}
)

// maxProgram keeps a label, with its system, below a hundred characters.
const maxProgram = 80

// agent returns a label for a User-Agent. The label of a program that is no browser is
// its product name before the first slash, such as "curl".
func agent(userAgent string) string {
	const browser = "Mozilla/"
	program, system := find(programs, userAgent), find(systems, userAgent)
	if !strings.HasPrefix(userAgent, browser) {
		program, _, _ = strings.Cut(userAgent, "/")
		program = printable(program)
	}
	switch {
	case program == "":
		return system
	case system == "":
		return program
	}
	return program + " on " + system
}

func find(table [][2]string, userAgent string) string {
	for _, row := range table {
		if strings.Contains(userAgent, row[0]) {
			return row[1]
		}
	}
	return ""
}

// printable returns the visible ASCII characters of a text, at most maxProgram.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s[:min(len(s), maxProgram)])
}
