package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// Every path of every route leads, for every method, to the live version of its
// function. There is no other path.
func TestRoutes(t *testing.T) {
	for _, s := range Stages {
		var want []string
		for _, f := range contract.Routes {
			for _, path := range f.Paths {
				want = append(want, "ANY "+path)
			}
		}
		got := map[string]resource{}
		for _, r := range service(s).ofType("AWS::ApiGatewayV2::Route") {
			got[r.Properties["RouteKey"].(string)] = r
		}
		slices.Sort(want)
		equal(t, s.Name+": routes", slices.Sorted(maps.Keys(got)), want)
		for _, f := range contract.Routes {
			lambda, _ := service(s).lambda(t, s, f)
			for _, path := range f.Paths {
				id := strings.Trim(strings.TrimPrefix(text(got["ANY "+path].Properties["Target"]), "integrations/"), "${}")
				integration := service(s).Resources[id]
				equal(t, path+": integration", integration.Properties["IntegrationType"], "AWS_PROXY")
				equal(t, path+": payload", integration.Properties["PayloadFormatVersion"], "2.0")
				alias := service(s).Resources[strings.Trim(text(integration.Properties["IntegrationUri"]), "${}")]
				equal(t, path+": target", alias.Type, "AWS::Lambda::Alias")
				equal(t, path+": function", text(alias.Properties["FunctionName"]), "${"+lambda+"}")
			}
		}
	}
}

// Only the API may invoke an alias, and only on the paths of its route.
func TestPermissions(t *testing.T) {
	for _, s := range Stages {
		api, _ := service(s).one(t, "AWS::ApiGatewayV2::Api", "Name", "tipstaff-"+s.Name)
		var got, want []string
		for id, r := range service(s).ofType("AWS::Lambda::Permission") {
			if p := r.Properties["Principal"]; p == "secretsmanager.amazonaws.com" || p == "events.amazonaws.com" {
				continue
			}
			equal(t, id+": principal", r.Properties["Principal"], "apigateway.amazonaws.com")
			alias := service(s).Resources[strings.Trim(text(r.Properties["FunctionName"]), "${}")]
			equal(t, id+": invokes", alias.Properties["Name"], "live")
			got = append(got, text(alias.Properties["FunctionName"])+" from "+text(r.Properties["SourceArn"]))
		}
		for _, f := range contract.Routes {
			lambda, _ := service(s).lambda(t, s, f)
			for _, path := range f.Paths {
				want = append(want, "${"+lambda+"} from arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${"+api+"}/*/*"+path)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		equal(t, s.Name+": permissions", got, want)
	}
}

func TestStageOfTheAPI(t *testing.T) {
	for _, s := range Stages {
		api, r := service(s).one(t, "AWS::ApiGatewayV2::Api", "ProtocolType", "HTTP")
		equal(t, "CORS, which would drop the answers of the functions", r.Properties["CorsConfiguration"], nil)
		equal(t, "own endpoint disabled", r.Properties["DisableExecuteApiEndpoint"], false)

		_, stage := service(s).one(t, "AWS::ApiGatewayV2::Stage", "StageName", "$default")
		equal(t, "API", text(stage.Properties["ApiId"]), "${"+api+"}")
		equal(t, "deployment", stage.Properties["AutoDeploy"], true)
		equal(t, "rate", at(stage.Properties, "DefaultRouteSettings", "ThrottlingRateLimit"), s.RequestRate)
		equal(t, "burst", at(stage.Properties, "DefaultRouteSettings", "ThrottlingBurstLimit"), s.RequestBurst)

		equal(t, "output Issuer", text(service(s).Outputs["Issuer"].Value), "${"+api+".ApiEndpoint}")
		equal(t, "output ApiId", text(service(s).Outputs["ApiId"].Value), "${"+api+"}")
	}
}

// The access log holds no part of a request that can contain a code or a token.
func TestAccessLogHoldsNoCredential(t *testing.T) {
	allowed := map[string]bool{
		"$context.requestTimeEpoch": true, "$context.requestId": true, "$context.routeKey": true,
		"$context.httpMethod": true, "$context.status": true, "$context.identity.sourceIp": true,
		"$context.responseLatency": true, "$context.integrationLatency": true,
		"$context.integrationStatus": true, "$context.integrationErrorMessage": true,
		"$context.responseLength": true,
	}
	variable := regexp.MustCompile(`\$[a-zA-Z.]+`)
	for _, s := range Stages {
		_, stage := service(s).one(t, "AWS::ApiGatewayV2::Stage", "StageName", "$default")
		format, _ := at(stage.Properties, "AccessLogSettings", "Format").(string)
		var line map[string]string
		if err := json.Unmarshal([]byte(format), &line); err != nil {
			t.Errorf("%s: access log %q is not JSON: %v", s.Name, format, err)
		}
		for _, name := range []string{"requestId", "routeKey", "status", "ip", "latency", "integrationError"} {
			if line[name] == "" {
				t.Errorf("%s: access log %q has no %s", s.Name, format, name)
			}
		}
		for _, v := range variable.FindAllString(format, -1) {
			if !allowed[v] {
				t.Errorf("%s: access log holds %s, want only what cannot be a credential", s.Name, v)
			}
		}
		logs, _ := service(s).one(t, "AWS::Logs::LogGroup", "LogGroupName", "/aws/vendedlogs/tipstaff-"+s.Name+"-access")
		equal(t, "destination", text(at(stage.Properties, "AccessLogSettings", "DestinationArn")), "${"+logs+".Arn}")
	}
}

// With a custom domain, the issuer is that domain, and the default address of API Gateway is
// closed: one issuer, one origin.
func TestDomain(t *testing.T) {
	const certificate = "arn:aws:acm:eu-central-1:111122223333:certificate/0b1f0d0e"
	s := Staging
	s.Domain = &Domain{Name: "auth.example.com", CertificateARN: certificate}
	service := synthInto(t.TempDir(), Release{Commit: "unknown"}, s)[stackName(s, "service")]

	api, r := service.one(t, "AWS::ApiGatewayV2::Api", "ProtocolType", "HTTP")
	equal(t, "own endpoint disabled", r.Properties["DisableExecuteApiEndpoint"], true)
	name, r := service.one(t, "AWS::ApiGatewayV2::DomainName", "DomainName", "auth.example.com")
	configuration := at(r.Properties, "DomainNameConfigurations", 0)
	equal(t, "certificate", at(configuration, "CertificateArn"), certificate)
	equal(t, "TLS", at(configuration, "SecurityPolicy"), "TLS_1_2")
	_, mapping := service.one(t, "AWS::ApiGatewayV2::ApiMapping", "Stage", "$default")
	equal(t, "mapped domain", text(mapping.Properties["DomainName"]), "${"+name+"}")
	equal(t, "mapped API", text(mapping.Properties["ApiId"]), "${"+api+"}")

	equal(t, "output Issuer", service.Outputs["Issuer"].Value, "https://auth.example.com")
	equal(t, "output DomainTarget", text(service.Outputs["DomainTarget"].Value), "${"+name+".RegionalDomainName}")
	for _, f := range contract.Routes {
		_, lambda := service.lambda(t, s, f)
		equal(t, f.Name+": issuer", at(lambda.Properties, "Environment", "Variables", contract.EnvIssuer), "https://auth.example.com")
	}
}
