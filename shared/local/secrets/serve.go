package secrets

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody is more than the largest request has: a value of 64 KiB in base64.
const maxBody = 1 << 20

// apiError is an error response. The SDK distinguishes errors by their type.
type apiError struct {
	kind    string
	message string
}

func (e *apiError) Error() string { return e.kind + ": " + e.message }

func notFound(message string) error { return &apiError{"ResourceNotFoundException", message} }
func exists(message string) error   { return &apiError{"ResourceExistsException", message} }
func invalidRequest(m string) error { return &apiError{"InvalidRequestException", m} }
func invalidParameter(m string) error {
	return &apiError{"InvalidParameterException", m}
}

// ServeHTTP serves the operations of Secrets Manager that Tipstaff and its
// operators use. For any other operation it answers UnknownOperationException.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer(w, nil, &apiError{"SerializationException", "the request is incomplete or too large"})
		return
	}
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	if !ok || r.Method != http.MethodPost {
		answer(w, nil, &apiError{"UnknownOperationException", "only the JSON protocol of Secrets Manager is served here"})
		return
	}
	out, err := s.do(operation, body)
	answer(w, out, err)
}

func (s *Store) do(operation string, body []byte) (any, error) {
	switch operation {
	case "GetSecretValue":
		return serve(body, s.getValue)
	case "PutSecretValue":
		return serve(body, s.putValue)
	case "DescribeSecret":
		return serve(body, s.describe)
	case "UpdateSecretVersionStage":
		return serve(body, s.updateStage)
	case "RotateSecret":
		return serve(body, s.rotateSecret)
	case "ListSecrets":
		return serve(body, s.list)
	}
	return nil, &apiError{"UnknownOperationException", "the local Secrets Manager does not know " + operation}
}

func serve[In, Out any](body []byte, operation func(In) (Out, error)) (any, error) {
	var in In
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, &apiError{"SerializationException", "the request does not have the form of this operation"}
	}
	return operation(in)
}

func answer(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	if err != nil {
		status = http.StatusBadRequest
		failed, ok := errors.AsType[*apiError](err)
		if !ok {
			// The file could not be written. The SDK may try again.
			status, failed = http.StatusInternalServerError, &apiError{"InternalServiceError", err.Error()}
		}
		out = struct {
			Type    string `json:"__type"`
			Message string `json:"Message"`
		}{failed.kind, failed.message}
	}
	data, err := json.Marshal(out)
	if err != nil {
		// All answers consist of strings, numbers and maps.
		panic(err)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	// The client may have closed the connection.
	_, _ = w.Write(data)
}

// epoch returns a time in seconds with a fraction, as the protocol has it. It
// returns nil for the zero time.
func epoch(t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	return new(float64(t.UnixMilli()) / 1000)
}
