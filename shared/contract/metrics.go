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

// Metric is a number in the log line of a request.
type Metric struct {
	Name string
	// Unit is one that CloudWatch knows.
	Unit string
	// Rare metrics are told only by the requests that they count: a metric costs
	// money in every route that has it.
	Rare bool
}

// Metrics are all metrics, in the order in which a log line declares them.
var Metrics = []Metric{
	{Name: MetricRequests, Unit: UnitCount},
	{Name: MetricRefusals, Unit: UnitCount},
	{Name: MetricFaults, Unit: UnitCount},
	{Name: MetricDuration, Unit: UnitMilliseconds},
	{Name: MetricCalls, Unit: UnitCount},
	{Name: MetricRotated, Unit: UnitCount, Rare: true},
	{Name: MetricReplayed, Unit: UnitCount, Rare: true},
	{Name: MetricReused, Unit: UnitCount, Rare: true},
	{Name: MetricThrottled, Unit: UnitCount, Rare: true},
	{Name: MetricAuditFailures, Unit: UnitCount, Rare: true},
}

// The units of metrics.
const (
	UnitCount        = "Count"
	UnitMilliseconds = "Milliseconds"
)

// The names of the metrics. Alarms and dashboards take them from here.
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
