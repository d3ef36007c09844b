package cfn

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// properties reads the properties of one resource. After the first one that
// does not resolve it gives zero values, and err says which one it was; so a
// caller may read everything first and look at err once.
type properties struct {
	r   *reader
	res *resource
	err error
}

func (r *reader) properties(res *resource) *properties { return &properties{r: r, res: res} }

// fail notes the first error, together with the property it is about.
func (p *properties) fail(property string, err error) {
	if p.err == nil {
		p.err = &Error{Stack: p.res.t.stack, Resource: p.res.id + " (" + p.res.Type + ")", Property: property, Err: err}
	}
}

// value resolves a property; ok is false when the template leaves it out.
func (p *properties) value(property string) (v any, ok bool) {
	raw, given := p.res.Properties[property]
	if p.err != nil || !given {
		return nil, false
	}
	v, err := p.r.resolve(p.res.t, raw)
	if err != nil {
		p.fail(property, err)
		return nil, false
	}
	_, gone := v.(absent)
	return v, !gone
}

// text reads a property that may be left out.
func (p *properties) text(property, missing string) string {
	v, ok := p.value(property)
	if !ok {
		return missing
	}
	s, err := text(v)
	if err != nil {
		p.fail(property, err)
	}
	return s
}

// required reads a property that must be there.
func (p *properties) required(property string) string {
	s := p.text(property, "")
	if s == "" {
		p.fail(property, errors.New("it is missing"))
	}
	return s
}

func (p *properties) number(property string, missing int) int {
	s := p.text(property, strconv.Itoa(missing))
	n, err := strconv.Atoi(s)
	if err != nil {
		p.fail(property, fmt.Errorf("%q is not a number", s))
	}
	return n
}

// name is the physical name of the resource itself.
func (p *properties) name() string {
	name, err := p.r.physicalName(p.res)
	if err != nil {
		p.fail(nameProperty[p.res.Type], err)
	}
	return name
}

// into reads a property with a structure of its own; target stays as it is when
// the template leaves the property out.
func (p *properties) into(property string, target any) {
	v, ok := p.value(property)
	if !ok {
		return
	}
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, target)
	}
	if err != nil {
		p.fail(property, fmt.Errorf("it has an unexpected form: %w", err))
	}
}
