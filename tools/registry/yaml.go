package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// decoder walks the syntax tree instead of unmarshaling into structs. Unmarshaling
// stops at the first error, and does not keep the positions of values for the checks
// between them.
//
// A method that reads a value reports what is wrong with it and then returns
// the zero value, so that the walk goes on to the next error.
type decoder struct {
	file string
	errs Errors
}

const (
	maxFile  = 1 << 20
	maxText  = 200
	maxItems = 200
)

// root parses a file of one YAML document and returns its body, or nil.
func (d *decoder) root(data []byte) ast.Node {
	if len(data) > maxFile {
		d.fail(nil, "file is larger than %d bytes", maxFile)
		return nil
	}
	if !utf8.Valid(data) {
		d.fail(nil, "file is not UTF-8 text")
		return nil
	}
	// Duplicate keys are reported by fields, together with the other errors.
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			d.fail(doc.Body, "file has a second YAML document")
		default:
			body = doc.Body
		}
	}
	if body == nil && len(d.errs) == 0 {
		d.fail(nil, "file is empty")
	}
	return body
}

func (d *decoder) syntax(err error) {
	if at, ok := errors.AsType[yaml.Error](err); ok && at.GetToken() != nil {
		d.failAt(at.GetToken().Position, "%s", at.GetMessage())
		return
	}
	d.failAt(nil, "%s", strings.Join(strings.Fields(err.Error()), " "))
}

// fail reports an error at a node, or at the start of the file.
func (d *decoder) fail(n ast.Node, format string, args ...any) {
	d.failAt(position(n), format, args...)
}

func (d *decoder) failAt(p *token.Position, format string, args ...any) {
	e := &Error{File: d.file, Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
	if p != nil {
		e.Line, e.Column = p.Line, p.Column
	}
	d.errs = append(d.errs, e)
}

// position returns the place of a node for a message. The token of a mapping is a
// colon, so its place is that of its first key.
func position(n ast.Node) *token.Position {
	switch m := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			return position(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return position(m.Key)
	}
	if t := n.GetToken(); t != nil {
		return t.Position
	}
	return nil
}

// fields reads a mapping with a known set of keys: each value goes to the reader of
// its key. It reports whether the node is a mapping.
func (d *decoder) fields(n ast.Node, what string, known map[string]func(ast.Node)) bool {
	return d.each(n, what, func(key *ast.StringNode, value ast.Node) {
		read, ok := known[key.Value]
		if !ok {
			d.fail(key, "unknown field %q in %s; there are %s", key.Value, what,
				strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			return
		}
		if _, null := value.(*ast.NullNode); null {
			d.fail(key, "field %q has no value", key.Value)
			return
		}
		read(value)
	})
}

// each reads a mapping with keys of any name, each once. It reports whether the node
// is a mapping.
func (d *decoder) each(n ast.Node, what string, entry func(key *ast.StringNode, value ast.Node)) bool {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = append(pairs, m)
	default:
		d.mismatch(n, what, "a mapping of fields")
		return false
	}
	first := map[string]int{}
	for _, pair := range pairs {
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			d.fail(pair.Key, "key in %s is not plain text", what)
			continue
		}
		if line, twice := first[key.Value]; twice {
			d.fail(key, "field %q is given twice, first in line %d", key.Value, line)
			continue
		}
		first[key.Value] = position(key).Line
		entry(key, pair.Value)
	}
	return true
}

// list reads a sequence.
func (d *decoder) list(n ast.Node, what string, entry func(ast.Node)) {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		d.mismatch(n, what, "a list")
		return
	}
	for _, v := range sequence.Values {
		entry(v)
	}
}

// bound reports a list with so many entries that an item would be too large.
func (d *decoder) bound(n ast.Node, what string, entries int) {
	if entries > maxItems {
		d.fail(n, "%s has more than %d entries", what, maxItems)
	}
}

// text reads a string of one line.
func (d *decoder) text(n ast.Node, what string) string {
	s, ok := n.(*ast.StringNode)
	switch {
	case !ok:
		d.mismatch(n, what, "text; write it in quotes")
		return ""
	case s.Value == "":
		d.fail(n, "%s is empty", what)
		return ""
	case strings.ContainsFunc(s.Value, func(r rune) bool { return !unicode.IsPrint(r) }):
		d.fail(n, "%s contains a character that cannot be printed", what)
		return ""
	}
	return s.Value
}

// label reads a text that pages or plans show, of at most maxText bytes.
func (d *decoder) label(n ast.Node, what string) string {
	s := d.text(n, what)
	if len(s) > maxText {
		d.fail(n, "%s is longer than %d bytes", what, maxText)
	}
	return s
}

func (d *decoder) flag(n ast.Node, what string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		d.mismatch(n, what, "true or false")
		return false
	}
	return b.Value
}

// duration reads a duration and reports whether it is one.
func (d *decoder) duration(n ast.Node, what string) (time.Duration, bool) {
	s, ok := n.(*ast.StringNode)
	if ok {
		if v, ok := parseDuration(s.Value); ok {
			return v, true
		}
	}
	d.mismatch(n, what, `a duration such as "5m", "1h" or "14d"`)
	return 0, false
}

const day = 24 * time.Hour

// parseDuration reads a Go duration or a number of whole days, such as 14d.
func parseDuration(s string) (time.Duration, bool) {
	if digits, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.ParseUint(digits, 10, 16)
		return time.Duration(days) * day, err == nil
	}
	v, err := time.ParseDuration(s)
	return v, err == nil
}

func (d *decoder) instant(n ast.Node, what string) time.Time {
	s, ok := n.(*ast.StringNode)
	if ok {
		if v, err := time.Parse(time.RFC3339, s.Value); err == nil {
			return v.UTC().Truncate(time.Second)
		}
	}
	d.mismatch(n, what, `a time such as "2027-01-31T00:00:00Z" (RFC 3339)`)
	return time.Time{}
}

// mismatch reports a value of the wrong type, without repeating the value.
func (d *decoder) mismatch(n ast.Node, what, want string) {
	switch n.(type) {
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		d.fail(n, "%s uses an anchor, an alias or a tag, which a registry file cannot have", what)
	case *ast.NullNode:
		d.fail(n, "%s has no value", what)
	default:
		d.fail(n, "%s is not %s", what, want)
	}
}
