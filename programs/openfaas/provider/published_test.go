package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	sdk "github.com/openfaas/faas-provider/proxy"
	"github.com/openfaas/faas-provider/types"
	"github.com/openfaas/faas/gateway/plugin"
	"github.com/openfaas/faas/gateway/scaling"
)

// published is a cluster's OpenFaaS as clients see it that OpenFaaS has published: the gateway's own
// for providers, and the SDK's for functions.
type published struct {
	address                   *url.URL
	user, password, namespace string
}

func newPublished(t *testing.T) *published {
	t.Helper()
	behind, err := url.Parse(os.Getenv("OPENFAAS_URL"))
	if err != nil || behind.Host == "" {
		t.Skip("OPENFAAS_URL names no OpenFaaS")
	}
	// The ingress goes by the name, which not every machine can look up.
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = os.Getenv("OPENFAAS_HOST")
	}})
	t.Cleanup(front.Close)
	address, _ := url.Parse(front.URL)
	return &published{
		address: address, namespace: os.Getenv("OPENFAAS_NAMESPACE"),
		user: os.Getenv("OPENFAAS_USER"), password: os.Getenv("OPENFAAS_PASSWORD"),
	}
}

// Inject is how the gateway's client is told whom to say it is.
func (p *published) Inject(r *http.Request) { r.SetBasicAuth(p.user, p.password) }

// Resolve is how the SDK's client is told where a function is.
func (p *published) Resolve(name string) (url.URL, error) { return *p.address, nil }

func (p *published) ask(t *testing.T, method, path string, body, into any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(method, p.address.JoinPath("system", path).String()+"?namespace="+p.namespace,
		bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p.Inject(request)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(response.Body)
	if response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, said)
	}
	if into != nil {
		if err := json.Unmarshal(said, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, said)
		}
	}
}

func TestPublishedClientsGetAlong(t *testing.T) {
	p := newPublished(t)
	function := types.FunctionDeployment{
		Service: "published", Image: os.Getenv("OPENFAAS_IMAGE"), Namespace: p.namespace,
		EnvVars: map[string]string{"greeting": "hello"},
		Labels:  &map[string]string{scaling.MaxScaleLabel: "2"},
	}
	p.ask(t, http.MethodPost, "functions", function, nil)
	defer p.ask(t, http.MethodDelete, "functions",
		types.DeleteFunctionRequest{FunctionName: "published", Namespace: p.namespace}, nil)

	query := plugin.NewExternalServiceQuery(*p.address.JoinPath("/"), p)
	await(t, query, func(now scaling.ServiceQueryResponse) bool { return now.AvailableReplicas == 1 })
	if err := query.SetReplicas("published", p.namespace, 2); err != nil {
		t.Fatal(err)
	}
	await(t, query, func(now scaling.ServiceQueryResponse) bool { return now.AvailableReplicas == 2 })

	var listed []types.FunctionStatus
	p.ask(t, http.MethodGet, "functions", nil, &listed)
	if !hasPublished(listed) {
		t.Errorf("it is not listed: %+v", listed)
	}
	if text := p.call(t); !strings.Contains(text, `"greeting": "hello"`) {
		t.Errorf("it answers %s", text)
	}
}

func hasPublished(listed []types.FunctionStatus) bool {
	for _, each := range listed {
		if each.Name == "published" && each.EnvVars["greeting"] == "hello" && each.Replicas == 2 {
			return true
		}
	}
	return false
}

func await(t *testing.T, query scaling.ServiceQuery, holds func(scaling.ServiceQueryResponse) bool) {
	t.Helper()
	var now scaling.ServiceQueryResponse
	for range 300 {
		var err error
		now, err = query.GetReplicas("published", os.Getenv("OPENFAAS_NAMESPACE"))
		if err != nil {
			t.Fatal(err)
		}
		if holds(now) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("after half a minute: %+v", now)
}

// call goes through the SDK's client for functions, which passes a request on as a provider does.
func (p *published) call(t *testing.T) string {
	t.Helper()
	handler := sdk.NewHandlerFunc(types.FaaSConfig{ReadTimeout: 10 * time.Second}, p, false)
	request := httptest.NewRequest(http.MethodPost, p.address.String(), strings.NewReader("hello"))
	request = mux.SetURLVars(request, map[string]string{
		"name": "published", "params": "function/published." + p.namespace,
	})
	answer := httptest.NewRecorder()
	handler(answer, request)
	if answer.Code != http.StatusOK {
		t.Fatalf("got %d %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}
