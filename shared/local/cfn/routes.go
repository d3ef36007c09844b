package cfn

import (
	"fmt"
	"strings"
)

// integration is what an integration resource says once its references are
// resolved.
type integration struct{ function, qualifier string }

func (r *reader) routes(s *Stage) error {
	integrations := map[string]integration{}
	err := r.each(func(res *resource) error {
		p := r.properties(res)
		in, err := p.integration(s)
		if err != nil {
			return err
		}
		id, err := r.identity(res)
		if err != nil {
			return err
		}
		integrations["integrations/"+id.(string)] = in
		return nil
	}, typeIntegration)
	if err != nil {
		return err
	}
	return r.each(func(res *resource) error {
		p := r.properties(res)
		route := Route{
			Key:           p.required("RouteKey"),
			API:           p.required("ApiId"),
			Authorization: p.text("AuthorizationType", "NONE"),
		}
		target := p.required("Target")
		in, ok := integrations[target]
		if !ok {
			p.fail("Target", fmt.Errorf("no integration that was read is %q", target))
		}
		route.Function, route.Qualifier = in.function, in.qualifier
		s.Routes = append(s.Routes, route)
		return p.err
	}, typeRoute)
}

func (p *properties) integration(s *Stage) (integration, error) {
	if typ := p.required("IntegrationType"); p.err == nil && typ != "AWS_PROXY" {
		p.fail("IntegrationType", fmt.Errorf("%s does not run locally, only AWS_PROXY does", typ))
	}
	if version := p.text("PayloadFormatVersion", "1.0"); p.err == nil && version != "2.0" {
		p.fail("PayloadFormatVersion", fmt.Errorf("%s does not run locally, only 2.0 does", version))
	}
	uri := p.required("IntegrationUri")
	if p.err != nil {
		return integration{}, p.err
	}
	name, qualifier, err := s.target(lambdaARN(uri))
	if err != nil {
		p.fail("IntegrationUri", err)
	}
	return integration{function: name, qualifier: qualifier}, p.err
}

// lambdaARN takes the function out of the long form of an integration URI,
// arn:aws:apigateway:<region>:lambda:path/2015-03-31/functions/<ARN>/invocations.
func lambdaARN(uri string) string {
	_, after, ok := strings.Cut(uri, "/functions/")
	if !ok {
		return uri
	}
	return strings.TrimSuffix(after, "/invocations")
}
