package cfn

import (
	"errors"
	"fmt"
	"strings"
)

// importValue resolves Fn::ImportValue: an output that some stack exports.
func (r *reader) importValue(t *template, arg any) (any, error) {
	v, err := r.resolve(t, arg)
	if err != nil {
		return nil, err
	}
	for _, stack := range r.order {
		from := r.stacks[stack]
		for _, id := range sortedKeys(from.Outputs) {
			export, err := r.resolve(from, from.Outputs[id].Export.Name)
			if err == nil && export != nil && export == v {
				return r.output(from, id)
			}
		}
	}
	return nil, fmt.Errorf("Fn::ImportValue: no stack that was read (%s) exports %v", strings.Join(r.order, ", "), v)
}

// stackOutput resolves Fn::GetStackOutput: an output of another stack of the
// same account and region.
func (r *reader) stackOutput(t *template, arg any) (any, error) {
	v, err := r.resolve(t, arg)
	if err != nil {
		return nil, err
	}
	args, _ := v.(map[string]any)
	stack, _ := args["StackName"].(string)
	name, _ := args["OutputName"].(string)
	if region, ok := args["Region"]; ok && region != r.place.Region {
		return nil, fmt.Errorf("Fn::GetStackOutput: region %v is another one than %s", region, r.place.Region)
	}
	if _, ok := args["RoleArn"]; ok {
		return nil, errors.New("Fn::GetStackOutput: another account's output has a value only in AWS")
	}
	from, ok := r.stacks[stack]
	if !ok {
		return nil, fmt.Errorf("Fn::GetStackOutput: stack %q was not read (%s were)", stack, strings.Join(r.order, ", "))
	}
	return r.output(from, name)
}

func (r *reader) output(t *template, name string) (any, error) {
	out, ok := t.Outputs[name]
	if !ok {
		return nil, fmt.Errorf("stack %s has no output %s", t.stack, name)
	}
	exists, err := r.holds(t, out.Condition)
	if err != nil {
		return nil, fmt.Errorf("output %s of stack %s: %w", name, t.stack, err)
	}
	if !exists {
		return nil, fmt.Errorf("output %s of stack %s does not exist under its condition", name, t.stack)
	}
	v, err := r.resolve(t, out.Value)
	if err != nil {
		return nil, fmt.Errorf("output %s of stack %s: %w", name, t.stack, err)
	}
	return v, nil
}

// outputs are the outputs that have a value on paper. Nobody needs the others
// to run the stage, so they are left out; a reference to one is an error.
func (r *reader) outputs() []Output {
	var all []Output
	for _, stack := range r.order {
		t := r.stacks[stack]
		for _, name := range sortedKeys(t.Outputs) {
			v, err := r.output(t, name)
			if err != nil {
				continue
			}
			value, err := text(v)
			if err != nil {
				continue
			}
			export, _ := r.resolve(t, t.Outputs[name].Export.Name)
			exported, _ := export.(string)
			all = append(all, Output{Stack: stack, Name: name, Value: value, Export: exported})
		}
	}
	return all
}
