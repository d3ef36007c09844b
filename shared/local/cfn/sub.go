package cfn

import (
	"errors"
	"fmt"
	"strings"
)

// sub resolves Fn::Sub: a text with ${Name}, ${Resource.Attribute} and
// ${!Literal}, optionally with values of its own for some names.
func (r *reader) sub(t *template, arg any) (any, error) {
	own := map[string]any{}
	pattern, ok := arg.(string)
	if list, isList := arg.([]any); isList && len(list) == 2 {
		pattern, ok = list[0].(string)
		if own, isList = list[1].(map[string]any); !isList {
			ok = false
		}
	}
	if !ok {
		return nil, errors.New("Fn::Sub wants a text, or a text and its values")
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(pattern, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fmt.Errorf("Fn::Sub: %q is not closed", "${"+rest)
		}
		value, err := r.variable(t, own, name)
		if err != nil {
			return nil, fmt.Errorf("Fn::Sub: %w", err)
		}
		out.WriteString(value)
		pattern = after
	}
}

func (r *reader) variable(t *template, own map[string]any, name string) (string, error) {
	if literal, ok := strings.CutPrefix(name, "!"); ok {
		return "${" + literal + "}", nil
	}
	v, ok := own[name]
	if !ok {
		v = map[string]any{"Ref": name}
		if id, attribute, dotted := strings.Cut(name, "."); dotted {
			v = map[string]any{"Fn::GetAtt": []any{id, attribute}}
		}
	}
	value, err := r.resolve(t, v)
	if err != nil {
		return "", err
	}
	s, err := text(value)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
