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
	// MetricRefusals counts answers 4xx.
	MetricRefusals = "Refusals"
	// MetricFaults counts answers 5xx.
	MetricFaults = "Faults"
	// MetricDuration is the time in the handler, in milliseconds.
	MetricDuration = "Duration"
	// MetricCalls counts calls to AWS.
	MetricCalls = "Calls"
	// MetricRotated counts refreshes that moved a grant on.
	MetricRotated = "Rotated"
	// MetricReplayed counts refreshes that were answered with the successor
	// that an earlier one made.
	MetricReplayed = "Replayed"
	// MetricReused counts refresh tokens that came back too late: their
	// grants ended.
	MetricReused = "Reused"
	// MetricThrottled counts attempts that were told to wait.
	MetricThrottled = "Throttled"
	// MetricAuditFailures counts refused credentials whose audit entry could
	// not be written. A change of state without its entry does not exist.
	MetricAuditFailures = "AuditFailures"
)
