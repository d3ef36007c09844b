package cfn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// The resource types that are read, or that a reference may name.
const (
	typeTable       = "AWS::DynamoDB::GlobalTable"
	typeFunction    = "AWS::Lambda::Function"
	typeAlias       = "AWS::Lambda::Alias"
	typeRole        = "AWS::IAM::Role"
	typeSecret      = "AWS::SecretsManager::Secret"
	typeRotation    = "AWS::SecretsManager::RotationSchedule"
	typeAPI         = "AWS::ApiGatewayV2::Api"
	typeAPIStage    = "AWS::ApiGatewayV2::Stage"
	typeRoute       = "AWS::ApiGatewayV2::Route"
	typeIntegration = "AWS::ApiGatewayV2::Integration"
	typeRule        = "AWS::Events::Rule"
	typeLogGroup    = "AWS::Logs::LogGroup"
)

// The resource types that change nothing on one machine. The gateway and the
// rules may always call a function, so a missing permission is not noticed here.
const (
	typePermission = "AWS::Lambda::Permission"
	typeVersion    = "AWS::Lambda::Version"
)

// knownTypes are all resource types that a template may hold.
var knownTypes = []string{
	typeTable, typeFunction, typeAlias, typeRole, typeSecret, typeRotation, typeAPI, typeAPIStage,
	typeRoute, typeIntegration, typeRule, typeLogGroup, typePermission, typeVersion,
}

// template is one template with its references unresolved.
type template struct {
	// resources are all resources by logical id.
	resources map[string]*resource
	outputs   map[string]any
}

// resource is one resource of a template.
type resource struct {
	// at is the position of the properties.
	at         position
	properties map[string]any
}

// reader reads the templates of one stage. It keeps the first error and goes on
// with zero values, so that the code that reads a resource is a list of what it
// reads. Nothing uses these values: [Parse] returns the error.
type reader struct {
	place  Place
	stacks map[string]*template
	// opened are the objects that close checks for unread fields.
	opened []*object
	// depth counts nested references and ends a circle of them.
	depth int
	err   error
}

// decode decodes the JSON text of a template. Numbers keep their text.
func decode(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var data any
	if err := dec.Decode(&data); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text follows its JSON")
	}
	return data, nil
}

// add reads the parts of a template that all resources share. Parameters
// and Rules belong to `cdk bootstrap`; a reference to a parameter is unknown.
func (r *reader) add(stack string, data any) {
	t := &template{resources: map[string]*resource{}, outputs: map[string]any{}}
	r.stacks[stack] = t
	root := r.object(position{stack: stack}, data)
	root.ignore("Description", "Parameters", "Rules")
	resources := root.object("Resources")
	if len(resources.fields) == 0 {
		r.fail(resources.at, errMissing)
	}
	for _, id := range resources.names() {
		t.resources[id] = readResource(resources.object(id), id)
	}
	if root.has("Outputs") {
		outputs := root.object("Outputs")
		t.outputs = maps.Clone(outputs.fields)
		outputs.ignore(outputs.names()...)
	}
	r.close()
}

// readResource reads what a resource has beside its properties.
func readResource(o *object, id string) *resource {
	o.at = position{stack: o.at.stack, id: id, typ: o.text("Type")}
	if !slices.Contains(knownTypes, o.at.typ) {
		o.r.unknown(o.at.field("Type"), "resource type "+o.at.typ)
	}
	o.ignore("DeletionPolicy", "DependsOn", "Metadata", "UpdateReplacePolicy")
	properties := o.object("Properties")
	found := &resource{at: properties.at, properties: maps.Clone(properties.fields)}
	properties.ignore(properties.names()...)
	return found
}

// each reads all resources of a type, in the order of their stacks and logical
// ids.
func (r *reader) each(typ string, read func(*object)) {
	for _, stack := range sorted(r.stacks) {
		resources := r.stacks[stack].resources
		for _, id := range sorted(resources) {
			if resources[id].at.typ == typ {
				read(r.open(resources[id]))
				r.close()
			}
		}
	}
}

// list reads all resources of a type into a list.
func list[T any](r *reader, typ string, read func(*object) T) []T {
	var all []T
	r.each(typ, func(o *object) { all = append(all, read(o)) })
	return all
}

// open returns the properties of a resource, to be read.
func (r *reader) open(res *resource) *object { return r.object(res.at, res.properties) }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
