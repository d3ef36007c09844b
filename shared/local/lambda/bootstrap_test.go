package lambda_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// As a bootstrap, the test binary speaks the Runtime API by hand, so that it
// can also do what a well-behaved runtime never does. What it does in init
// says the variable; what it does with an event says the event.
const initMode = "LAMBDA_TEST_INIT"

func TestMain(m *testing.M) {
	if mode, ok := os.LookupEnv(initMode); ok {
		bootstrap(mode)
	}
	os.Exit(m.Run())
}

// order is what a test asks of the bootstrap.
type order struct {
	Do    string
	Sleep time.Duration
	Say   string
}

func bootstrap(mode string) {
	switch mode {
	case "exit":
		fmt.Println("no configuration")
		os.Exit(9)
	case "report":
		post("/init/error", `{"errorType":"Config.Missing","errorMessage":"no TIPSTAFF_STAGE"}`)
		time.Sleep(time.Minute)
	}
	for {
		r, err := http.Get(runtimeURL("/invocation/next"))
		if err != nil {
			os.Exit(1)
		}
		payload, err := io.ReadAll(r.Body)
		if err != nil {
			os.Exit(1)
		}
		work(r.Header.Get("Lambda-Runtime-Aws-Request-Id"), r.Header, payload)
	}
}

func work(id string, header http.Header, payload []byte) {
	var o order
	if err := json.Unmarshal(payload, &o); err != nil {
		os.Exit(2)
	}
	time.Sleep(o.Sleep)
	at := "/invocation/" + id
	switch o.Do {
	case "env":
		post(at+"/response", mustJSON(os.Environ()))
	case "header":
		post(at+"/response", mustJSON(header))
	case "pid":
		post(at+"/response", mustJSON(os.Getpid()))
	case "exit":
		fmt.Println("about to fail:", o.Say)
		os.Exit(3)
	case "answer and exit":
		post(at+"/response", `"last"`)
		os.Exit(0)
	case "error":
		post(at+"/error", `{"errorType":"My.Kind","errorMessage":"my message"}`)
	case "garbled error":
		post(at+"/error", "words")
	case "large":
		status := post(at+"/response", strings.Repeat("x", 7<<20))
		fmt.Println("large answer got", status)
	case "ids":
		wrong := post("/invocation/other/response", `"x"`)
		first := post(at+"/response", `"ids"`)
		again := post(at+"/response", `"again"`)
		fmt.Printf("statuses %d %d %d\n", wrong, first, again)
	default:
		post(at+"/response", mustJSON(o.Say))
	}
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func runtimeURL(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime" + path
}

func post(path, body string) int {
	r, err := http.Post(runtimeURL(path), "application/json", bytes.NewBufferString(body))
	if err != nil {
		fmt.Println("post:", err)
		return 0
	}
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return r.StatusCode
}
