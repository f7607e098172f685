package main

import (
	"maps"
	"net/http"
	"sort"

	"github.com/gorilla/mux"
	"github.com/openfaas/faas-provider/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// status is OpenFaaS's, and why pods of the function do not start, where they do not. Clients that
// do not know the field let it pass.
type status struct {
	types.FunctionStatus
	Problem string `json:"problem,omitempty"`
}

// reader says how functions are, as the watches have it.
type reader struct{ namespaces *namespaces }

func (r *reader) list(w http.ResponseWriter, request *http.Request) error {
	in, err := r.namespaces.find(request.Context(), request.URL.Query().Get("namespace"))
	if err != nil {
		return err
	}
	functions := in.functions()
	sort.Slice(functions, func(i, j int) bool { return functions[i].Name < functions[j].Name })
	statuses := make([]status, 0, len(functions))
	for _, function := range functions {
		statuses = append(statuses, statusOf(in, function))
	}
	return writeJSON(w, statuses)
}

func (r *reader) status(w http.ResponseWriter, request *http.Request) error {
	in, err := r.namespaces.find(request.Context(), request.URL.Query().Get("namespace"))
	if err != nil {
		return err
	}
	name := mux.Vars(request)["name"]
	function := in.function(name)
	if function == nil {
		return unknown(name, in.name)
	}
	return writeJSON(w, statusOf(in, function))
}

func statusOf(in *namespace, function *appsv1.Deployment) status {
	said := status{FunctionStatus: described(function)}
	if !isComplete(function) {
		said.Problem = problemOf(function, in.podsOf(function.Name))
	}
	return said
}

// isComplete says whether every pod is of the newest version and can be called.
func isComplete(function *appsv1.Deployment) bool {
	now := function.Status
	return now.ObservedGeneration >= function.Generation && function.Spec.Replicas != nil &&
		now.UpdatedReplicas == *function.Spec.Replicas && now.UnavailableReplicas == 0
}

// described reads a function back from its Deployment.
func described(function *appsv1.Deployment) types.FunctionStatus {
	template := function.Spec.Template
	container := template.Spec.Containers[0]
	labels, annotations := template.Labels, map[string]string{}
	maps.Copy(annotations, template.Annotations)
	delete(annotations, updatedAnnotation)
	said := types.FunctionStatus{
		Name:                   function.Name,
		Namespace:              function.Namespace,
		Image:                  container.Image,
		EnvVars:                map[string]string{},
		Secrets:                secretsOf(template.Spec.Volumes),
		Labels:                 &labels,
		Annotations:            &annotations,
		Limits:                 amounts(container.Resources.Limits),
		Requests:               amounts(container.Resources.Requests),
		ReadOnlyRootFilesystem: true,
		CreatedAt:              function.CreationTimestamp.Time,
	}
	if function.Spec.Replicas != nil {
		said.Replicas = uint64(*function.Spec.Replicas)
	}
	// Those that are about to end are not for the gateway to count on.
	said.AvailableReplicas = min(uint64(max(function.Status.AvailableReplicas, 0)), said.Replicas)
	for _, variable := range container.Env {
		said.EnvVars[variable.Name] = variable.Value
	}
	said.EnvProcess = said.EnvVars[processName]
	delete(said.EnvVars, processName)
	for key, value := range template.Spec.NodeSelector {
		said.Constraints = append(said.Constraints, key+"="+value)
	}
	sort.Strings(said.Constraints)
	return said
}

func secretsOf(volumes []corev1.Volume) []string {
	var names []string
	for _, volume := range volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.Secret != nil {
				names = append(names, source.Secret.Name)
			}
		}
	}
	return names
}

func amounts(list corev1.ResourceList) *types.FunctionResources {
	said := &types.FunctionResources{}
	if cpu, given := list[corev1.ResourceCPU]; given {
		said.CPU = cpu.String()
	}
	if memory, given := list[corev1.ResourceMemory]; given {
		said.Memory = memory.String()
	}
	return said
}
