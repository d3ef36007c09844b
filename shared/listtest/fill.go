// Package listtest holds lists together that must agree and cannot be one list.
//
// The fields of a struct stand again where they are stored, where a file is parsed
// and in a table of the documentation. [Filled] makes a value of which every field
// is set, so that a test of such a pair knows of a new field without being told,
// and [Differences] names the fields that were lost on the way. [Agree] compares
// two lists of names, [Table] reads those of a document, and [Constants] those of a
// package.
//
// `make mutants` shows that such a test fails for each line that somebody may forget.
package listtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// Epoch is the first time that [Filled] sets, in whole seconds.
var Epoch = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// Filled returns a struct of which every field is set, the unexported ones as well, and
// no two texts, numbers and times are the same. A list has two entries. A field that
// can have only some values is set by change, and one that a test is not about is
// cleared there, or not set at all if its name is among those that are left out.
func Filled[T any](change func(*T), leftOut ...string) *T {
	v := new(T)
	n := 0
	fields := reflect.ValueOf(v).Elem()
	for i := range fields.NumField() {
		if name := fields.Type().Field(i).Name; !slices.Contains(leftOut, name) {
			fill(settable(fields.Field(i)), name, &n)
		}
	}
	if change != nil {
		change(v)
	}
	return v
}

// leaf reports whether a type is one value and no struct or list of others.
func leaf(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[json.RawMessage]()
}

// fill sets a value to something that no other one is. The name is that of the
// field, for texts.
func fill(v reflect.Value, name string, n *int) {
	*n++
	if leaf(v.Type()) {
		switch v.Addr().Interface().(type) {
		case *time.Time:
			v.Set(reflect.ValueOf(Epoch.Add(time.Duration(*n) * time.Hour)))
		case *json.RawMessage:
			v.SetBytes(fmt.Appendf(nil, `{"number":%d}`, *n))
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s-%d", strings.ToLower(name), *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32:
		v.SetInt(int64(*n))
	case reflect.Int64:
		if v.SetInt(int64(*n)); v.Type() == reflect.TypeFor[time.Duration]() {
			v.SetInt(int64(*n) * int64(time.Minute))
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n)) //nolint:gosec // G115: a count of fields
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(settable(v.Field(i)), v.Type().Field(i).Name, n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), name, n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), name, n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name, n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, name, n)
		fill(value, name, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		panic(fmt.Sprintf("listtest: field %s has a %s, which cannot be filled", name, v.Type()))
	}
}

// settable is a field that may be read and set although it is not exported.
func settable(field reflect.Value) reflect.Value {
	if field.CanSet() {
		return field
	}
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem() //nolint:gosec // G103: of a test
}

// Differences returns the names of the fields in which two structs are not the same:
// "Device.Agent" for a field of a field. Both are pointers to the same type.
func Differences[T any](got, want *T) []string {
	if got == nil || want == nil {
		return []string{"everything"}
	}
	return differences(reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem(), "")
}

func differences(got, want reflect.Value, name string) []string {
	if got.Kind() != reflect.Struct || leaf(got.Type()) {
		if reflect.DeepEqual(settable(got).Interface(), settable(want).Interface()) {
			return nil
		}
		return []string{name}
	}
	var all []string
	for i := range got.NumField() {
		field := got.Type().Field(i).Name
		if name != "" {
			field = name + "." + field
		}
		all = append(all, differences(got.Field(i), want.Field(i), field)...)
	}
	return all
}
