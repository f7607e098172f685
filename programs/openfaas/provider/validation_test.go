package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/openfaas/faas-provider/types"
)

func TestWhatIsWrongIsNamed(t *testing.T) {
	labels := func(key, value string) func(*types.FunctionDeployment) {
		return func(w *types.FunctionDeployment) { (*w.Labels)[key] = value }
	}
	limits := func(memory, cpu string) func(*types.FunctionDeployment) {
		return func(w *types.FunctionDeployment) {
			w.Limits = &types.FunctionResources{Memory: memory, CPU: cpu}
		}
	}
	for said, change := range map[string]func(*types.FunctionDeployment){
		"name is missing":              func(w *types.FunctionDeployment) { w.Service = "" },
		`service: "Hello": a DNS-1035`: func(w *types.FunctionDeployment) { w.Service = "Hello" },
		"no more than 63":              func(w *types.FunctionDeployment) { w.Service = strings.Repeat("a", 64) },
		"image: it is missing":         func(w *types.FunctionDeployment) { w.Image = "" },
		`image: "lab/Hello"`:           func(w *types.FunctionDeployment) { w.Image = "lab/Hello" },
		`image: "a b"`:                 func(w *types.FunctionDeployment) { w.Image = "a b" },
		`envVars: "1x"`:                func(w *types.FunctionDeployment) { w.EnvVars = map[string]string{"1x": ""} },
		"zero byte":                    func(w *types.FunctionDeployment) { w.EnvVars = map[string]string{"x": "\x00"} },
		`labels: "a b"`:                labels("a b", ""),
		`labels: x: "a b"`:             labels("x", "a b"),
		"labels: faas_function":        labels("faas_function", "other"),
		"not a number from 0":          labels(leastLabel, "few"),
		"scale.max: \"0\" is not":      labels(mostLabel, "0"),
		"scale.factor: \"200\"":        labels(factorLabel, "200"),
		"more than com.openfaas":       func(w *types.FunctionDeployment) { labels(leastLabel, "3")(w); labels(mostLabel, "2")(w) },
		`annotations: "/"`:             func(w *types.FunctionDeployment) { (*w.Annotations)["/"] = "" },
		`memory: "much" is not`:        limits("much", ""),
		`cpu: "-1" is not an amount`:   limits("", "-1"),
		"was Mi meant?":                limits("128m", ""),
		"more than its limit 64Mi": func(w *types.FunctionDeployment) {
			limits("64Mi", "")(w)
			w.Requests = &types.FunctionResources{Memory: "65Mi"}
		},
		`secrets: "A"`: func(w *types.FunctionDeployment) { w.Secrets = []string{"A"} },
		"named twice":  func(w *types.FunctionDeployment) { w.Secrets = []string{"a", "a"} },
		"constraints:": func(w *types.FunctionDeployment) { w.Constraints = []string{"amd64"} },
	} {
		var refused refusal
		err := validate(wanted(change))
		if !errors.As(err, &refused) || refused.status != http.StatusBadRequest || !strings.Contains(refused.text, said) {
			t.Errorf("%q is not in %q", said, err)
		}
	}
}

func TestWhatIsRightPasses(t *testing.T) {
	err := validate(wanted(func(w *types.FunctionDeployment) {
		w.Labels = &map[string]string{leastLabel: "0", mostLabel: "20", factorLabel: "100", "lab.serverless/chapter": "03"}
		w.Annotations = &map[string]string{"prometheus.io.scrape": "true", "Topic": "a b"}
		w.Image = "localhost:32000/lab/hello@sha256:" + strings.Repeat("a", 64)
		w.Secrets = []string{"api-key"}
		w.Constraints = []string{"kubernetes.io/arch=amd64", "kubernetes.io/os == linux"}
		w.Limits = &types.FunctionResources{Memory: "64Mi", CPU: "500m"}
		w.Requests = &types.FunctionResources{Memory: "64Mi", CPU: "0.5"}
	}))
	if err != nil {
		t.Error(err)
	}
	if err := validate(wanted(func(w *types.FunctionDeployment) { w.Labels, w.Annotations = nil, nil })); err != nil {
		t.Error(err)
	}
}
