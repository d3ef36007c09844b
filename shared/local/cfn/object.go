package cfn

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
)

// object is a JSON object of a template that is being read: the properties of a
// resource, or a part of them. Reading a field takes it away.
type object struct {
	r  *reader
	at position
	// fields are those that have not been read.
	fields map[string]any
}

// object returns the object at a position. What close finds unread in it is an
// error.
func (r *reader) object(at position, v any) *object {
	o := &object{r: r, at: at, fields: maps.Clone(as[map[string]any](r, at, v, "an object"))}
	r.opened = append(r.opened, o)
	return o
}

// close reports the first field that was not read in any open object.
func (r *reader) close() {
	for _, o := range r.opened {
		for _, name := range o.names() {
			r.unknown(o.at.field(name), "this property")
		}
	}
	r.opened = nil
}

// names are the names of the fields that have not been read, sorted.
func (o *object) names() []string { return sorted(o.fields) }

func (o *object) has(name string) bool {
	_, ok := o.fields[name]
	return ok
}

// ignore takes fields away that mean nothing on one machine.
func (o *object) ignore(names ...string) {
	for _, name := range names {
		delete(o.fields, name)
	}
}

// take returns a field that must be there, and its position.
func (o *object) take(name string) (at position, v any) {
	at = o.at.field(name)
	if !o.has(name) {
		o.r.fail(at, errMissing)
	}
	v = o.fields[name]
	delete(o.fields, name)
	return at, v
}

func (o *object) text(name string) string {
	at, v := o.take(name)
	return o.r.text(at, v)
}

// only reads a text that has one value in all templates.
func (o *object) only(name, value string) {
	if got := o.text(name); got != value {
		o.r.unknown(o.at.field(name), strconv.Quote(got))
	}
}

func (o *object) yes(name string) bool {
	at, v := o.take(name)
	return as[bool](o.r, at, v, "true or false")
}

func (o *object) number(name string) int {
	at, v := o.take(name)
	n, err := strconv.Atoi(as[json.Number](o.r, at, v, "a number").String())
	if err != nil {
		o.r.fail(at, errors.New("a whole number is wanted"))
	}
	return n
}

func (o *object) object(name string) *object {
	at, v := o.take(name)
	return o.r.object(at, v)
}

// objects reads a list of objects.
func (o *object) objects(name string) []*object {
	at, v := o.take(name)
	list := as[[]any](o.r, at, v, "a list")
	all := make([]*object, len(list))
	for i, element := range list {
		all[i] = o.r.object(at.element(i), element)
	}
	return all
}

// one reads a list that has one element in all templates.
func (o *object) one(name string) *object {
	all := o.objects(name)
	if len(all) != 1 {
		o.r.unknown(o.at.field(name), fmt.Sprintf("a list of %d", len(all)))
		return o.r.object(o.at, map[string]any{})
	}
	return all[0]
}

// texts reads an object of texts.
func (o *object) texts(name string) map[string]string {
	inner := o.object(name)
	all := map[string]string{}
	for _, field := range inner.names() {
		all[field] = inner.text(field)
	}
	return all
}

// raw reads a value of any form and resolves all references inside.
func (o *object) raw(name string) json.RawMessage {
	at, v := o.take(name)
	data, err := json.Marshal(o.r.resolve(at, v))
	if err != nil {
		o.r.fail(at, err)
	}
	return data
}
