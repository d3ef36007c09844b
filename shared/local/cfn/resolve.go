package cfn

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how deep references may nest. A deeper one is a circle.
const maxDepth = 64

// absent is what {"Ref": "AWS::NoValue"} resolves to: the property or list
// element that holds it disappears.
type absent struct{}

// resolve replaces every intrinsic function inside v by its value.
func (r *reader) resolve(t *template, v any) (any, error) {
	if r.depth >= maxDepth {
		return nil, errors.New("the references go in a circle")
	}
	r.depth++
	defer func() { r.depth-- }()
	switch v := v.(type) {
	case []any:
		return r.list(t, v)
	case map[string]any:
		if name, arg, ok := intrinsic(v); ok {
			return r.call(t, name, arg)
		}
		return r.object(t, v)
	case string:
		if strings.Contains(v, "{{resolve:") {
			return nil, fmt.Errorf("the dynamic reference %q has a value only in AWS", v)
		}
	}
	return v, nil
}

func (r *reader) list(t *template, v []any) (any, error) {
	out := make([]any, 0, len(v))
	for _, element := range v {
		value, err := r.resolve(t, element)
		if err != nil {
			return nil, err
		}
		if _, gone := value.(absent); !gone {
			out = append(out, value)
		}
	}
	return out, nil
}

func (r *reader) object(t *template, v map[string]any) (any, error) {
	out := make(map[string]any, len(v))
	for _, key := range sortedKeys(v) {
		value, err := r.resolve(t, v[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if _, gone := value.(absent); !gone {
			out[key] = value
		}
	}
	return out, nil
}

// intrinsic tells whether v is a call of an intrinsic function.
func intrinsic(v map[string]any) (name string, arg any, ok bool) {
	if len(v) != 1 {
		return "", nil, false
	}
	for key, value := range v {
		name, arg = key, value
	}
	return name, arg, name == "Ref" || strings.HasPrefix(name, "Fn::")
}

func (r *reader) call(t *template, name string, arg any) (any, error) {
	switch name {
	case "Ref":
		return r.ref(t, arg)
	case "Fn::GetAtt":
		return r.getAtt(t, arg)
	case "Fn::Join":
		return r.join(t, arg)
	case "Fn::Sub":
		return r.sub(t, arg)
	case "Fn::Select":
		return r.pick(t, arg)
	case "Fn::Split":
		return r.split(t, arg)
	case "Fn::If":
		return r.choose(t, arg)
	case "Fn::FindInMap":
		return r.find(t, arg)
	case "Fn::ImportValue":
		return r.importValue(t, arg)
	case "Fn::GetStackOutput":
		return r.stackOutput(t, arg)
	}
	return nil, fmt.Errorf("%s is not known here", name)
}

func (r *reader) join(t *template, arg any) (any, error) {
	args, err := r.arguments(t, "Fn::Join", arg, 2)
	if err != nil {
		return nil, err
	}
	delimiter, ok := args[0].(string)
	parts, isList := args[1].([]any)
	if !ok || !isList {
		return nil, errors.New("Fn::Join wants a delimiter and a list")
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		if texts[i], err = text(part); err != nil {
			return nil, fmt.Errorf("Fn::Join: element %d: %w", i, err)
		}
	}
	return strings.Join(texts, delimiter), nil
}

func (r *reader) pick(t *template, arg any) (any, error) {
	args, err := r.arguments(t, "Fn::Select", arg, 2)
	if err != nil {
		return nil, err
	}
	n, err := text(args[0])
	if err != nil {
		return nil, fmt.Errorf("Fn::Select: index: %w", err)
	}
	index, err := strconv.Atoi(n)
	list, isList := args[1].([]any)
	if err != nil || !isList || index < 0 || index >= len(list) {
		return nil, fmt.Errorf("Fn::Select finds no element %q", n)
	}
	return list[index], nil
}

func (r *reader) split(t *template, arg any) (any, error) {
	args, err := r.arguments(t, "Fn::Split", arg, 2)
	if err != nil {
		return nil, err
	}
	delimiter, ok := args[0].(string)
	source, isText := args[1].(string)
	if !ok || !isText || delimiter == "" {
		return nil, errors.New("Fn::Split wants a delimiter and a text")
	}
	var out []any
	for _, part := range strings.Split(source, delimiter) {
		out = append(out, part)
	}
	return out, nil
}

func (r *reader) find(t *template, arg any) (any, error) {
	args, err := r.arguments(t, "Fn::FindInMap", arg, 3)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(args))
	for i := range args {
		if keys[i], err = text(args[i]); err != nil {
			return nil, fmt.Errorf("Fn::FindInMap: %w", err)
		}
	}
	value, ok := t.Mappings[keys[0]][keys[1]][keys[2]]
	if !ok {
		return nil, fmt.Errorf("Fn::FindInMap finds no %s", strings.Join(keys, "."))
	}
	return value, nil
}

// arguments resolves the n arguments of a function.
func (r *reader) arguments(t *template, name string, arg any, n int) ([]any, error) {
	list, ok := arg.([]any)
	if !ok || len(list) != n {
		return nil, fmt.Errorf("%s wants %d arguments", name, n)
	}
	out := slices.Clone(list)
	for i := range out {
		var err error
		if out[i], err = r.resolve(t, out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// text is the CloudFormation text of a scalar.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("a text is wanted, not %T", v)
}
