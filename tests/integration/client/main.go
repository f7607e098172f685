// Drives a gateway with OpenFaaS's own client, and says step by step what it was answered.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/openfaas/faas-provider/types"
	sdk "github.com/openfaas/go-sdk"
)

const (
	name   = "driven"
	secret = "driven-secret"
)

type driver struct {
	*sdk.Client
	ctx       context.Context
	namespace string
	image     string
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	gateway, err := url.Parse(os.Getenv("GATEWAY"))
	if err != nil {
		fail(err)
	}
	auth := &sdk.BasicAuth{Username: os.Getenv("NAME"), Password: os.Getenv("PASSWORD")}
	d := driver{sdk.NewClient(gateway, auth, client()), ctx, os.Getenv("NAMESPACE"), os.Getenv("IMAGE")}
	for _, step := range []struct {
		name string
		take func() (any, error)
	}{
		{"info", func() (any, error) { return d.GetInfo(ctx) }},
		{"namespaces", func() (any, error) { return d.GetNamespaces(ctx) }},
		{"create secret", func() (any, error) { return d.CreateSecret(ctx, d.secret("first")) }},
		{"deploy", func() (any, error) { return d.Deploy(ctx, d.deployment("1")) }},
		{"available", func() (any, error) { return d.available(1) }},
		{"invoke", d.invoke},
		{"scale", func() (any, error) { return nil, d.ScaleFunction(ctx, name, d.namespace, 2) }},
		{"scaled", func() (any, error) { return d.available(2) }},
		{"update", func() (any, error) { return d.Update(ctx, d.deployment("2")) }},
		{"update secret", func() (any, error) { return d.UpdateSecret(ctx, d.secret("second")) }},
		{"secrets", func() (any, error) { return d.GetSecrets(ctx, d.namespace) }},
		{"functions", func() (any, error) { return d.GetFunctions(ctx, d.namespace) }},
		{"logs", d.logs},
		{"delete", func() (any, error) { return nil, d.DeleteFunction(ctx, name, d.namespace) }},
		{"delete secret", func() (any, error) { return nil, d.DeleteSecret(ctx, secret, d.namespace) }},
	} {
		said, err := step.take()
		if err != nil {
			fail(fmt.Errorf("%s: %w", step.name, err))
		}
		line, err := json.Marshal(map[string]any{"step": step.name, "said": said})
		if err != nil {
			fail(err)
		}
		fmt.Println(string(line))
	}
}

// client finds *.localhost where it is by definition, whatever the machine's resolver thinks.
func client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return &http.Client{Transport: transport}
}

func (d driver) deployment(version string) types.FunctionDeployment {
	return types.FunctionDeployment{
		Service:   name,
		Namespace: d.namespace,
		Image:     d.image,
		EnvVars:   map[string]string{"version": version},
		Secrets:   []string{secret},
		Labels:    &map[string]string{"com.openfaas.scale.max": "3"},
		Limits:    &types.FunctionResources{Memory: "96Mi"},
	}
}

func (d driver) secret(value string) types.Secret {
	return types.Secret{Name: secret, Namespace: d.namespace, Value: value}
}

// available waits until so many pods are.
func (d driver) available(replicas uint64) (any, error) {
	for {
		found, err := d.GetFunction(d.ctx, name, d.namespace)
		if err != nil || found.AvailableReplicas == replicas {
			return found, err
		}
		select {
		case <-d.ctx.Done():
			return nil, fmt.Errorf("%d pods, not %d: %w", found.AvailableReplicas, replicas, d.ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (d driver) invoke() (any, error) {
	request, err := http.NewRequestWithContext(d.ctx, http.MethodPost, "/", strings.NewReader("hello"))
	if err != nil {
		return nil, err
	}
	answer, err := d.InvokeFunction(name, d.namespace, false, false, request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("%s: %s", answer.Status, body))
	}
	return string(body), err
}

func (d driver) logs() (any, error) {
	since := time.Now().Add(-time.Hour)
	lines, err := d.GetLogs(d.ctx, name, d.namespace, false, 10, &since)
	if err != nil {
		return nil, err
	}
	var texts []string
	for line := range lines {
		texts = append(texts, line.Text)
	}
	return texts, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
