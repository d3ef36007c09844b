package contract

// MetricNamespace is the CloudWatch namespace of every metric. Each request
// log line carries its metrics in the embedded metric format, with the
// dimensions Stage and Route.
const MetricNamespace = "Tipstaff"

// The dimensions of every metric.
const (
	DimensionStage = "Stage"
	DimensionRoute = "Route"
)

// The metrics. Alarms and dashboards name them from here.
const (
	// MetricRequests counts requests.
	MetricRequests = "Requests"
	// MetricRefusals counts answers 4xx.
	MetricRefusals = "Refusals"
	// MetricFaults counts answers 5xx.
	MetricFaults = "Faults"
	// MetricDuration is the time in the handler, in milliseconds.
	MetricDuration = "Duration"
	// MetricCalls counts calls to AWS.
	MetricCalls = "Calls"
)
