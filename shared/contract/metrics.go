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

// The metrics. Alarms and dashboards take their names from here.
const (
	// MetricRequests counts requests.
	MetricRequests = "Requests"
	// MetricRefusals counts answers with a 4xx status.
	MetricRefusals = "Refusals"
	// MetricFaults counts answers with a 5xx status.
	MetricFaults = "Faults"
	// MetricDuration is the time in the handler, in milliseconds.
	MetricDuration = "Duration"
	// MetricCalls counts calls to AWS.
	MetricCalls = "Calls"

	// Only the requests that they count report the metrics below: a metric costs
	// money in every route that reports it.

	// MetricRotated counts refreshes that rotated the refresh token.
	MetricRotated = "Rotated"
	// MetricReplayed counts refreshes that returned the successor that an
	// earlier refresh made.
	MetricReplayed = "Replayed"
	// MetricReused counts refresh tokens that were used again too late. Their
	// grants ended.
	MetricReused = "Reused"
	// MetricThrottled counts attempts that were refused with a wait.
	MetricThrottled = "Throttled"
	// MetricAuditFailures counts refused credentials without an audit entry,
	// because its write failed. A change of state always has its entry.
	MetricAuditFailures = "AuditFailures"
)
