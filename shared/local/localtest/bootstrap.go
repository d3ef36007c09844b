package localtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	wireaws "github.com/tipstaff/tipstaff/shared/wire/aws"
)

// request is an event. With a Step it comes from a rotation, with a Source from a
// schedule, and without both from an HTTP API.
type request struct {
	RawPath        string
	RawQueryString string
	Body           string
	RequestContext struct{ TimeEpoch int64 }

	Step               string
	SecretID           string `json:"SecretId"`
	ClientRequestToken string

	Source    string
	Time      time.Time
	Resources []string
}

type response struct {
	StatusCode int    `json:"statusCode"`
	Body       string `json:"body"`
}

// bootstrap serves events of the Runtime API until the stack ends the process.
func bootstrap() {
	fmt.Println("a function starts")
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		header, payload := call(http.MethodGet, api+"next", nil)
		var r request
		if err := json.Unmarshal(payload, &r); err != nil {
			os.Exit(1)
		}
		path := api + header.Get("Lambda-Runtime-Aws-Request-Id")
		answer, err := work(r)
		if err != nil {
			post(path+"/error", map[string]string{"errorType": "Test", "errorMessage": err.Error()})
			continue
		}
		post(path+"/response", answer)
	}
}

func post(url string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		os.Exit(1)
	}
	call(http.MethodPost, url, text)
}

// call ends the process when the Runtime API does not answer any more.
func call(method, url string, body []byte) (http.Header, []byte) {
	r, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(body))
	if err != nil {
		os.Exit(1)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		os.Exit(1)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		os.Exit(1)
	}
	return answer.Header, text
}

func work(r request) (any, error) {
	if r.Step != "" {
		return struct{}{}, rotate(r)
	}
	if r.Source != "" {
		if r.Time.Unix() == 0 {
			return nil, errors.New("a schedule of 1970")
		}
		fmt.Println("a schedule calls at", r.Time.Format(time.DateTime))
		return r.Source + " " + r.Resources[0], nil
	}
	switch r.RawPath {
	case "/items":
		return outcome(put(r.Body)), nil
	case "/items/scan":
		return outcome(scan()), nil
	case "/sleep":
		d, err := time.ParseDuration(r.RawQueryString)
		time.Sleep(d)
		return response{200, "slept"}, err
	case "/crash":
		fmt.Println("a function crashes")
		os.Exit(3)
	case "/time":
		return response{200, strconv.FormatInt(r.RequestContext.TimeEpoch, 10)}, nil
	}
	env, err := json.Marshal(os.Environ())
	return response{200, string(env)}, err
}

// outcome is a response with the code of an AWS error.
func outcome(err error) response {
	if err == nil {
		return response{200, "ok"}
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return response{403, e.ErrorCode()}
	}
	return response{500, err.Error()}
}

func config() aws.Config {
	return aws.Config{
		Region: os.Getenv("AWS_REGION"),
		Credentials: wireaws.Static(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	}
}

func database() *dynamodb.Client {
	return dynamodb.NewFromConfig(config(), func(o *dynamodb.Options) {
		o.BaseEndpoint = aws.String(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	})
}

// Item returns the key of the item in which POST /items stores a body.
func Item(body string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "items"},
		"sk": &types.AttributeValueMemberS{Value: body},
	}
}

func put(body string) error {
	_, err := database().PutItem(context.Background(), &dynamodb.PutItemInput{
		TableName: aws.String(os.Getenv("TIPSTAFF_SESSIONS")), Item: Item(body),
	})
	return err
}

// scan is a call that the role of the function does not allow.
func scan() error {
	_, err := database().Scan(context.Background(), &dynamodb.ScanInput{TableName: aws.String(os.Getenv("TIPSTAFF_SESSIONS"))})
	return err
}

// rotate gives the pending version its value and makes it current.
func rotate(r request) error {
	manager := secretsmanager.NewFromConfig(config(), func(o *secretsmanager.Options) {
		o.BaseEndpoint = aws.String(os.Getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"))
	})
	switch r.Step {
	case "createSecret":
		_, err := manager.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{
			SecretId: &r.SecretID, ClientRequestToken: &r.ClientRequestToken,
			SecretString: aws.String(Rotated), VersionStages: []string{"AWSPENDING"},
		})
		return err
	case "finishSecret":
		described, err := manager.DescribeSecret(context.Background(), &secretsmanager.DescribeSecretInput{SecretId: &r.SecretID})
		if err != nil {
			return err
		}
		for id, stages := range described.VersionIdsToStages {
			for _, stage := range stages {
				if stage == "AWSCURRENT" {
					_, err = manager.UpdateSecretVersionStage(context.Background(), &secretsmanager.UpdateSecretVersionStageInput{
						SecretId: &r.SecretID, VersionStage: &stage, MoveToVersionId: &r.ClientRequestToken, RemoveFromVersionId: &id,
					})
					return err
				}
			}
		}
		return errors.New("the secret has no current version")
	}
	return nil
}
