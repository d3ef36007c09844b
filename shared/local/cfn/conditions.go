package cfn

import (
	"errors"
	"fmt"
)

// choose resolves Fn::If. Only the branch that is taken must resolve.
func (r *reader) choose(t *template, arg any) (any, error) {
	list, ok := arg.([]any)
	if !ok || len(list) != 3 {
		return nil, errors.New("Fn::If wants 3 arguments")
	}
	name, ok := list[0].(string)
	if !ok {
		return nil, errors.New("Fn::If wants the name of a condition")
	}
	yes, err := r.condition(t, name)
	if err != nil {
		return nil, err
	}
	if yes {
		return r.resolve(t, list[1])
	}
	return r.resolve(t, list[2])
}

// condition evaluates a named condition of the template.
func (r *reader) condition(t *template, name string) (bool, error) {
	v, ok := t.Conditions[name]
	if !ok {
		return false, fmt.Errorf("condition %s does not exist", name)
	}
	yes, err := r.evaluate(t, v)
	if err != nil {
		return false, fmt.Errorf("condition %s: %w", name, err)
	}
	return yes, nil
}

func (r *reader) evaluate(t *template, v any) (bool, error) {
	if r.depth >= maxDepth {
		return false, errors.New("the conditions go in a circle")
	}
	r.depth++
	defer func() { r.depth-- }()
	call, ok := v.(map[string]any)
	if !ok || len(call) != 1 {
		return false, errors.New("a condition function is wanted")
	}
	if name, ok := call["Condition"].(string); ok {
		return r.condition(t, name)
	}
	name, arg, _ := intrinsic(call)
	args, _ := arg.([]any)
	switch name {
	case "Fn::Equals":
		return r.equals(t, args)
	case "Fn::Not":
		if len(args) != 1 {
			return false, errors.New("Fn::Not wants 1 argument")
		}
		yes, err := r.evaluate(t, args[0])
		return !yes, err
	case "Fn::And":
		return r.every(t, args, true)
	case "Fn::Or":
		yes, err := r.every(t, args, false)
		return !yes, err
	}
	return false, fmt.Errorf("%s is not a condition function", name)
}

func (r *reader) equals(t *template, args []any) (bool, error) {
	values, err := r.arguments(t, "Fn::Equals", args, 2)
	if err != nil {
		return false, err
	}
	a, err := text(values[0])
	if err != nil {
		return false, err
	}
	b, err := text(values[1])
	return a == b, err
}

// every reports whether all conditions have the value want.
func (r *reader) every(t *template, args []any, want bool) (bool, error) {
	all := true
	for _, arg := range args {
		yes, err := r.evaluate(t, arg)
		if err != nil {
			return false, err
		}
		all = all && yes == want
	}
	return all, nil
}
