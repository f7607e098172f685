package main

import (
	"reflect"
	"testing"

	"github.com/openfaas/faas-provider/types"
	corev1 "k8s.io/api/core/v1"
)

func TestTheSameRequestMakesTheSamePods(t *testing.T) {
	change := func(w *types.FunctionDeployment) {
		w.EnvVars = map[string]string{"e": "", "d": "", "c": "", "b": "", "a": ""}
		w.Secrets = []string{"one", "two"}
	}
	if !reflect.DeepEqual(makeDeployment(wanted(change)), makeDeployment(wanted(change))) {
		t.Error("they differ")
	}
}

func TestAPodMayDoLittleAndEndsInPeace(t *testing.T) {
	pod := makeDeployment(wanted(func(w *types.FunctionDeployment) {
		w.EnvVars = map[string]string{"write_timeout": "1m"}
	})).Spec.Template.Spec
	container := pod.Containers[0]
	if *pod.AutomountServiceAccountToken || *pod.EnableServiceLinks || !*pod.SecurityContext.RunAsNonRoot ||
		!*container.SecurityContext.ReadOnlyRootFilesystem || *container.SecurityContext.AllowPrivilegeEscalation {
		t.Errorf("got %v %v", pod.SecurityContext, container.SecurityContext)
	}
	if *pod.TerminationGracePeriodSeconds < 60+container.Lifecycle.PreStop.Sleep.Seconds {
		t.Errorf("got %d seconds for calls of a minute", *pod.TerminationGracePeriodSeconds)
	}
}

func TestAnUpdateStartsNewPodsUnlessTheImageIsCertain(t *testing.T) {
	for image, same := range map[string]bool{
		"lab/hello:v1": false,
		"lab/hello@sha256:" + "0123456789012345678901234567890123456789012345678901234567890123": true,
	} {
		request := wanted(func(w *types.FunctionDeployment) { w.Image = image })
		before := makeDeployment(request)
		after := changed(before, request)
		if reflect.DeepEqual(before.Spec.Template, after.Spec.Template) != same {
			t.Errorf("%s: got annotations %v", image, after.Spec.Template.Annotations)
		}
		if _, said := (*described(after).Annotations)[updatedAnnotation]; said {
			t.Error("an annotation of the provider's own is shown")
		}
	}
}

func TestAnUpdateKeepsReplicasWithinTheirBounds(t *testing.T) {
	for _, each := range []struct {
		now, want int32
		labels    map[string]string
	}{
		{3, 3, nil}, {0, 1, nil}, {0, 0, map[string]string{leastLabel: "0"}},
		{1, 2, map[string]string{leastLabel: "2"}}, {5, 4, map[string]string{mostLabel: "4"}},
		{1, 7, map[string]string{leastLabel: "7"}},
	} {
		current := makeDeployment(wanted(nil))
		current.Spec.Replicas = &each.now
		current.Annotations["deployment.kubernetes.io/revision"] = "4"
		next := changed(current, wanted(func(w *types.FunctionDeployment) { w.Labels = &each.labels }))
		if *next.Spec.Replicas != each.want {
			t.Errorf("%d with %v became %d", each.now, each.labels, *next.Spec.Replicas)
		}
		if next.Annotations["deployment.kubernetes.io/revision"] != "4" {
			t.Error("the revision is lost")
		}
	}
}

func TestMemoryIsAlwaysLimited(t *testing.T) {
	for _, each := range []struct {
		limit, request         string
		wantLimit, wantRequest string
	}{
		{"", "", "256Mi", "32Mi"}, {"16Mi", "", "16Mi", "16Mi"},
		{"", "1Gi", "1Gi", "1Gi"}, {"64Mi", "48Mi", "64Mi", "48Mi"},
	} {
		got := makeResources(wanted(func(w *types.FunctionDeployment) {
			w.Limits = &types.FunctionResources{Memory: each.limit}
			w.Requests = &types.FunctionResources{Memory: each.request}
		}))
		limit, request := got.Limits[corev1.ResourceMemory], got.Requests[corev1.ResourceMemory]
		if limit.String() != each.wantLimit || request.String() != each.wantRequest {
			t.Errorf("%v: got %s and %s", each, limit.String(), request.String())
		}
	}
}

func TestAFunctionIsReadBackAsItWasAskedFor(t *testing.T) {
	request := wanted(func(w *types.FunctionDeployment) {
		w.EnvVars = map[string]string{"a": "1"}
		w.EnvProcess = "cat"
		w.Secrets = []string{"api-key"}
		w.Constraints = []string{"kubernetes.io/arch=amd64"}
		w.Labels = &map[string]string{"team": "a"}
		w.Annotations = &map[string]string{"topic": "b"}
		w.Limits = &types.FunctionResources{Memory: "64Mi", CPU: "500m"}
		w.Requests = &types.FunctionResources{Memory: "32Mi", CPU: "50m"}
	})
	got := described(makeDeployment(request))
	if got.EnvProcess != "cat" || !reflect.DeepEqual(got.EnvVars, request.EnvVars) ||
		!reflect.DeepEqual(got.Secrets, request.Secrets) || !reflect.DeepEqual(got.Constraints, request.Constraints) ||
		(*got.Labels)["team"] != "a" || !reflect.DeepEqual(got.Annotations, request.Annotations) ||
		*got.Limits != *request.Limits || *got.Requests != *request.Requests || got.Replicas != 1 {
		t.Errorf("got %+v", got)
	}
}
