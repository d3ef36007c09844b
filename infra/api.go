package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
)

// api is the HTTP API in front of the functions. It only forwards. The functions
// themselves handle methods, CORS and authentication, because the API's own answers are
// not OAuth answers.
type api struct {
	http awsapigatewayv2.HttpApi
	// issuer is the origin of the API: no path, no trailing slash.
	issuer *string
}

func (s *serviceStack) newAPI() *api {
	domain := s.stage.Domain
	http := awsapigatewayv2.NewHttpApi(s.stack, new("Api"), &awsapigatewayv2.HttpApiProps{
		ApiName:                   new("tipstaff-" + s.stage.Name),
		Description:               new("OAuth authorization server"),
		CreateDefaultStage:        new(false),
		DisableExecuteApiEndpoint: new(domain != nil),
	})
	stage := &awsapigatewayv2.HttpStageProps{
		HttpApi:    http,
		StageName:  new("$default"),
		AutoDeploy: new(true),
		Throttle: &awsapigatewayv2.ThrottleSettings{
			RateLimit:  &s.stage.RequestRate,
			BurstLimit: &s.stage.RequestBurst,
		},
	}
	out := &api{http: http}
	if domain == nil {
		out.issuer = http.ApiEndpoint()
	} else {
		out.issuer = new("https://" + domain.Name)
		stage.DomainMapping = &awsapigatewayv2.DomainMappingOptions{DomainName: s.newDomain(domain)}
	}
	s.logAccess(awsapigatewayv2.NewHttpStage(s.stack, new("Stage"), stage))
	s.output("Issuer", "The issuer, and the address of everything", out.issuer)
	s.output("ApiId", "Id of the HTTP API", http.ApiId())
	return out
}

// route sends every path of f to its live version, for every method.
func (a *api) route(f *function) {
	live := awsapigatewayv2integrations.NewHttpLambdaIntegration(new(f.Name), f.Live,
		&awsapigatewayv2integrations.HttpLambdaIntegrationProps{
			PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0(),
		})
	for _, path := range f.Paths {
		a.http.AddRoutes(&awsapigatewayv2.AddRoutesOptions{Path: &path, Integration: live})
	}
}

// newDomain creates the custom domain name. Its DNS record is not in this deployment:
// the outputs show the target of the record.
func (s *serviceStack) newDomain(d *Domain) awsapigatewayv2.DomainName {
	name := awsapigatewayv2.NewDomainName(s.stack, new("Domain"), &awsapigatewayv2.DomainNameProps{
		DomainName:     &d.Name,
		Certificate:    awscertificatemanager.Certificate_FromCertificateArn(s.stack, new("Certificate"), &d.CertificateARN),
		SecurityPolicy: awsapigatewayv2.SecurityPolicy_TLS_1_2,
	})
	s.output("DomainTarget", "Where the DNS record of the domain must point", name.RegionalDomainName())
	s.output("DomainZone", "The hosted zone of DomainTarget, for an alias record", name.RegionalHostedZoneId())
	return name
}

// accessLine lists the members of the JSON object that the access log has for a
// request. It has no path and no query, which can hold a code or a token, and no
// header.
var accessLine = []string{
	`"time":"$context.requestTimeEpoch"`,
	`"requestId":"$context.requestId"`,
	`"routeKey":"$context.routeKey"`,
	`"method":"$context.httpMethod"`,
	`"status":"$context.status"`,
	`"ip":"$context.identity.sourceIp"`,
	`"latency":"$context.responseLatency"`,
	`"integrationLatency":"$context.integrationLatency"`,
	`"integrationStatus":"$context.integrationStatus"`,
	`"integrationError":"$context.integrationErrorMessage"`,
	`"bytes":"$context.responseLength"`,
}

// logAccess writes one line per request.
func (s *serviceStack) logAccess(stage awsapigatewayv2.HttpStage) {
	// CloudWatch lets API Gateway write to groups under this prefix without
	// a resource policy that grows with every API of the account.
	logs := awslogs.NewLogGroup(s.stack, new("AccessLogs"), &awslogs.LogGroupProps{
		LogGroupName:  new("/aws/vendedlogs/tipstaff-" + s.stage.Name + "-access"),
		Retention:     s.stage.LogRetention,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	stage.Node().DefaultChild().(awsapigatewayv2.CfnStage).SetAccessLogSettings(
		&awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
			DestinationArn: logs.LogGroupArn(),
			Format:         new("{" + strings.Join(accessLine, ",") + "}"),
		})
}
