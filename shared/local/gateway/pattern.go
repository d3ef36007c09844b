package gateway

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// pattern is a route with parameters in its path.
type pattern struct {
	route    Route
	method   string
	segments []string
}

// parameter returns the name of a segment such as "{id}".
func parameter(segment string) (name string, ok bool) {
	inner, ok := strings.CutPrefix(segment, "{")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(inner, "}")
	return name, ok && name != "" && !strings.ContainsAny(name, "{}")
}

// patterns returns the routes with parameters. The route with the longest literal
// beginning comes first. Two routes that match the same requests are an error.
func patterns(routes []Route) ([]pattern, error) {
	var all []pattern
	shapes := map[string]string{}
	for _, r := range routes {
		method, path, _ := strings.Cut(r.Key, " ")
		if !strings.Contains(path, "{") {
			continue
		}
		p := pattern{route: r, method: method, segments: strings.Split(path, "/")}
		if other, twice := shapes[p.shape()]; twice {
			return nil, fmt.Errorf("routes %q and %q are the same", other, r.Key)
		}
		shapes[p.shape()] = r.Key
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(b.literal(), a.literal()), cmp.Compare(rank(a.method), rank(b.method)))
	})
	return all, nil
}

// rank puts a method before ANY.
func rank(method string) int {
	if method == anyMethod {
		return 1
	}
	return 0
}

// shape is the route without the names of its parameters.
func (p *pattern) shape() string {
	shape := p.method + " "
	for _, s := range p.segments {
		if _, ok := parameter(s); ok {
			s = "{}"
		}
		shape += "/" + s
	}
	return shape
}

// literal returns how many segments come before the first parameter.
func (p *pattern) literal() int {
	return slices.IndexFunc(p.segments, func(s string) bool { _, ok := parameter(s); return ok })
}

// match returns the values of the parameters by name, when the pattern matches.
func (p *pattern) match(method, path string) (map[string]string, bool) {
	if p.method != anyMethod && p.method != method {
		return nil, false
	}
	segments := strings.Split(path, "/")
	if len(segments) != len(p.segments) {
		return nil, false
	}
	values := map[string]string{}
	for i, s := range p.segments {
		name, ok := parameter(s)
		switch {
		case ok && segments[i] != "":
			values[name] = segments[i]
		case ok || s != segments[i]:
			return nil, false
		}
	}
	return values, true
}
