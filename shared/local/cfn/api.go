package cfn

import "strconv"

// Route is an AWS::ApiGatewayV2::Route of an HTTP API. It leads to a function,
// and API Gateway authorizes nothing on the way.
type Route struct {
	// Key is the route key, such as "ANY /token" or "$default".
	Key string
	// API is the id of the HTTP API.
	API string
	// Function is the name of the function.
	Function string
}

// checkAPI refuses what would change the answers of a function. A CORS
// configuration is unknown: API Gateway would answer preflight requests itself
// and drop the CORS headers of the functions.
func checkAPI(o *object) {
	o.ignore("Description", "DisableExecuteApiEndpoint", "Name")
	o.only("ProtocolType", "HTTP")
}

// checkAPIStage refuses a stage that is not the default one, because its name
// would stand before every path.
func checkAPIStage(o *object) {
	o.ignore("AccessLogSettings", "ApiId", "AutoDeploy", "DefaultRouteSettings")
	o.only("StageName", "$default")
}

func (r *reader) routes(s *Stage) []Route {
	// functions are the names of the functions by the target of a route.
	functions := map[string]string{}
	r.each(typeIntegration, func(o *object) {
		o.ignore("ApiId")
		o.only("IntegrationType", "AWS_PROXY")
		o.only("PayloadFormatVersion", "2.0")
		functions["integrations/"+generatedID(o.at)] = s.function(o, "IntegrationUri")
	})
	return list(r, typeRoute, func(o *object) Route {
		o.only("AuthorizationType", "NONE")
		target := o.text("Target")
		function, ok := functions[target]
		if !ok {
			r.unknown(o.at.field("Target"), "integration "+strconv.Quote(target))
		}
		return Route{Key: o.text("RouteKey"), API: o.text("ApiId"), Function: function}
	})
}
