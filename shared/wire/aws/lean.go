package aws

import "github.com/aws/smithy-go/middleware"

// Lean takes out of the stack of a client what a signed request to DynamoDB does
// not need, for clients that are called with each request: it stands among their
// APIOptions. What stays is what makes a call correct: validation, idempotency
// tokens, retries, identity, endpoint, signature, the checksum of the answer, and
// errors with the id of their request.
func Lean(stack *middleware.Stack) error {
	for _, id := range []string{
		"ClientRequestID",    // a random header, by which AWS's support would know attempts of one call
		"UserAgent",          // DynamoDB logs none for what reads and writes items
		"RecursionDetection", // the trace id, for services that call functions about what was written
	} {
		if _, err := stack.Build.Remove(id); err != nil {
			return err
		}
	}
	// Nothing is compressed unless the transport asks for it, which ours does not.
	if _, err := stack.Finalize.Remove("DisableAcceptEncodingGzip"); err != nil {
		return err
	}
	// It compares our clock with that of the answer, and Lambda's is AWS's own.
	_, err := stack.Deserialize.Remove("RecordResponseTiming")
	return err
}
