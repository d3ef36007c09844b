package iam

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// refusal is an error response in the form that the JSON services of AWS use.
type refusal struct {
	status  int
	kind    string
	message string
}

// The namespaces of the error types. The SDK removes them.
const (
	coral  = "com.amazon.coral.service#"
	dynamo = "com.amazonaws.dynamodb.v20120810#"
)

func (f *refusal) write(w http.ResponseWriter) {
	body, err := json.Marshal(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{f.kind, f.message})
	if err != nil {
		// Two strings can always be marshaled.
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-amz-json-1.0")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(f.status)
	// The function may have closed the connection.
	_, _ = w.Write(body)
}

func missingToken() *refusal {
	return &refusal{http.StatusBadRequest, coral + "MissingAuthenticationTokenException", "Request is missing Authentication Token"}
}

func incompleteSignature() *refusal {
	return &refusal{
		http.StatusBadRequest, coral + "IncompleteSignatureException",
		"Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
	}
}

func unrecognizedClient() *refusal {
	return &refusal{http.StatusBadRequest, coral + "UnrecognizedClientException", "The security token included in the request is invalid."}
}

func invalidSignature() *refusal {
	return &refusal{
		http.StatusBadRequest, coral + "InvalidSignatureException",
		"The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
	}
}

func tooLarge() *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, coral + "RequestEntityTooLargeException", "Request must be smaller than 16 MB."}
}

func malformed(err error) *refusal {
	return &refusal{http.StatusBadRequest, coral + "SerializationException", "the local IAM refuses what it cannot read: " + err.Error()}
}

// accessDenied is the answer of AWS when the role does not allow an action.
func accessDenied(user string, d Demand, reason string) *refusal {
	return &refusal{
		http.StatusBadRequest, coral + "AccessDeniedException",
		"User: " + user + " is not authorized to perform: " + d.Action + " on resource: " + d.Resource + reason,
	}
}

// unavailable makes the SDK try again. Its message names the endpoint that does not
// answer.
func unavailable(service string, err error) *refusal {
	return &refusal{http.StatusInternalServerError, dynamo + "InternalServerError", "the local endpoint of " + service + " does not answer: " + err.Error()}
}
