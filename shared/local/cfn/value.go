package cfn

import (
	"fmt"
	"strings"
)

// maxDepth is how deep references and values may nest.
const maxDepth = 64

// eval returns v. When v is a call of an intrinsic function, eval returns its
// result, which is always a text.
func (r *reader) eval(at position, v any) any {
	if s, ok := v.(string); ok && strings.Contains(s, "{{resolve:") {
		r.unknown(at, "the dynamic reference "+s)
	}
	name, arg, ok := intrinsic(v)
	if !ok {
		return v
	}
	if !r.enter(at) {
		return nil
	}
	defer r.leave()
	switch name {
	case "Ref":
		return r.ref(at, arg)
	case "Fn::GetAtt":
		return r.getAtt(at, arg)
	case "Fn::Join":
		return r.join(at.field(name), arg)
	case "Fn::GetStackOutput":
		return r.stackOutput(at.field(name), arg)
	}
	r.unknown(at, name)
	return nil
}

// intrinsic reports whether v is a call of an intrinsic function.
func intrinsic(v any) (name string, arg any, ok bool) {
	call, _ := v.(map[string]any)
	for name, arg = range call {
		ok = len(call) == 1 && (name == "Ref" || strings.HasPrefix(name, "Fn::"))
	}
	return name, arg, ok
}

// enter counts one more level. It reports false when there are too many, and
// after the first error.
func (r *reader) enter(at position) bool {
	if r.depth == maxDepth {
		r.fail(at, errDepth)
	}
	r.depth++
	return r.err == nil
}

func (r *reader) leave() { r.depth-- }

// resolve returns v with the result in place of every intrinsic function inside.
func (r *reader) resolve(at position, v any) any {
	if !r.enter(at) {
		return nil
	}
	defer r.leave()
	switch v := r.eval(at, v).(type) {
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = r.resolve(at.element(i), element)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, name := range sorted(v) {
			out[name] = r.resolve(at.field(name), v[name])
		}
		return out
	default:
		return v
	}
}

// as evaluates v and returns it when it has the type that is wanted.
func as[T any](r *reader, at position, v any, wanted string) T {
	value, ok := r.eval(at, v).(T)
	if !ok {
		r.fail(at, fmt.Errorf("%s is wanted", wanted))
	}
	return value
}

func (r *reader) text(at position, v any) string { return as[string](r, at, v, "a text") }

// property evaluates a property of a resource that a reference names.
func (r *reader) property(res *resource, name string) string {
	return r.text(res.at.field(name), res.properties[name])
}

// ref resolves {"Ref": name}. For most types AWS gives the physical name of the
// resource, for some its ARN.
func (r *reader) ref(at position, arg any) string {
	name := r.text(at, arg)
	switch name {
	case "AWS::AccountId":
		return r.place.Account
	case "AWS::Partition":
		return partition
	case "AWS::Region":
		return r.place.Region
	}
	if res := r.stacks[at.stack].resources[name]; res != nil {
		switch res.at.typ {
		case typeTable:
			return r.property(res, "TableName")
		case typeFunction:
			return r.property(res, "FunctionName")
		case typeAlias:
			return r.place.FunctionARN(r.property(res, "FunctionName")) + ":" + r.property(res, "Name")
		case typeSecret:
			return r.place.SecretARN(r.property(res, "Name"))
		case typeAPI, typeIntegration:
			return generatedID(res.at)
		}
	}
	r.unknown(at, "Ref "+name)
	return ""
}

// getAtt resolves {"Fn::GetAtt": [id, attribute]}.
func (r *reader) getAtt(at position, arg any) string {
	first, second := r.pair(at, arg)
	id, attribute := r.text(at.element(0), first), r.text(at.element(1), second)
	if res := r.stacks[at.stack].resources[id]; res != nil {
		switch res.at.typ + "." + attribute {
		case typeTable + ".Arn":
			return r.place.TableARN(r.property(res, "TableName"))
		case typeFunction + ".Arn":
			return r.place.FunctionARN(r.property(res, "FunctionName"))
		case typeRole + ".Arn":
			return r.place.RoleARN(generatedName(res.at))
		case typeLogGroup + ".Arn":
			return r.place.logGroupARN(r.property(res, "LogGroupName"))
		case typeAPI + ".ApiEndpoint":
			return fmt.Sprintf("https://%s.execute-api.%s.amazonaws.com", generatedID(res.at), r.place.Region)
		}
	}
	r.unknown(at, "Fn::GetAtt "+id+"."+attribute)
	return ""
}

// join resolves {"Fn::Join": [delimiter, list]}.
func (r *reader) join(at position, arg any) string {
	delimiter, list := r.pair(at, arg)
	elements := as[[]any](r, at.element(1), list, "a list")
	texts := make([]string, len(elements))
	for i, element := range elements {
		texts[i] = r.text(at.element(1).element(i), element)
	}
	return strings.Join(texts, r.text(at.element(0), delimiter))
}

// pair returns the two elements of a list.
func (r *reader) pair(at position, arg any) (first, second any) {
	list := as[[]any](r, at, arg, "a list")
	if len(list) != 2 {
		r.fail(at, fmt.Errorf("a list of 2 is wanted, not of %d", len(list)))
		return nil, nil
	}
	return list[0], list[1]
}

// stackOutput resolves Fn::GetStackOutput: an output of another stack of the
// same account and region.
func (r *reader) stackOutput(at position, arg any) string {
	args := r.object(at, arg)
	args.only("Region", r.place.Region)
	stack, name := args.text("StackName"), args.text("OutputName")
	if r.stacks[stack] == nil {
		r.unknown(at, "stack "+stack)
		return ""
	}
	value, ok := r.stacks[stack].outputs[name]
	if !ok {
		r.unknown(at, "output "+name+" of stack "+stack)
		return ""
	}
	output := r.object(position{stack: stack, path: "Outputs." + name}, value)
	output.ignore("Description")
	return output.text("Value")
}
