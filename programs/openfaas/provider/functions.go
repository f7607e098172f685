package main

import (
	"context"
	"log"
	"net/http"

	"github.com/gorilla/mux"
	"github.com/openfaas/faas-provider/types"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
)

// functions makes, changes and removes them.
type functions struct {
	client     kubernetes.Interface
	namespaces *namespaces
	secrets    *secrets
}

var (
	create = metav1.CreateOptions{FieldManager: "openfaas-provider"}
	change = metav1.UpdateOptions{FieldManager: "openfaas-provider"}
)

func unknown(name, namespace string) error {
	return refuse(http.StatusNotFound, "there is no function %s in namespace %s", name, namespace)
}

// read takes what is to be deployed from a request, and looks whether it can be.
func (f *functions) read(w http.ResponseWriter, r *http.Request) (*types.FunctionDeployment, *namespace, error) {
	wanted := &types.FunctionDeployment{}
	if err := readJSON(w, r, wanted); err != nil {
		return nil, nil, err
	}
	if wanted.Namespace == "" {
		wanted.Namespace = r.URL.Query().Get("namespace")
	}
	if err := validate(wanted); err != nil {
		return nil, nil, err
	}
	in, err := f.namespaces.findNew(r.Context(), wanted.Namespace)
	if err != nil {
		return nil, nil, err
	}
	wanted.Namespace = in.name
	return wanted, in, f.secrets.require(r.Context(), in.name, wanted.Secrets)
}

func (f *functions) deploy(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	wanted, in, err := f.read(w, r)
	if err != nil {
		return err
	}
	deployment := makeDeployment(wanted)
	deployments := f.client.AppsV1().Deployments(in.name)
	// First for a try, so that what the API server refuses leaves no Service behind.
	try := create
	try.DryRun = []string{metav1.DryRunAll}
	if _, err := deployments.Create(ctx, deployment, try); err != nil {
		return f.explainTaken(ctx, wanted, err)
	}
	if err := f.applyService(ctx, wanted); err != nil {
		return err
	}
	made, err := deployments.Create(ctx, deployment, create)
	if err != nil {
		return f.explainTaken(ctx, wanted, err)
	}
	awaitSeen(ctx, in, made)
	return accept(w, "deployed", made)
}

// explainTaken says what it is that has the name already.
func (f *functions) explainTaken(ctx context.Context, wanted *types.FunctionDeployment, err error) error {
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	found, getErr := f.client.AppsV1().Deployments(wanted.Namespace).Get(ctx, wanted.Service, metav1.GetOptions{})
	if getErr == nil && isFunction(found) {
		return refuse(http.StatusConflict, "function %s exists already: update it with PUT", wanted.Service)
	}
	return refuse(http.StatusConflict, "namespace %s has a Deployment %s that is no function",
		wanted.Namespace, wanted.Service)
}

func (f *functions) update(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	wanted, in, err := f.read(w, r)
	if err != nil {
		return err
	}
	var updated *appsv1.Deployment
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := f.deployment(ctx, in.name, wanted.Service)
		if err != nil {
			return err
		}
		updated, err = f.client.AppsV1().Deployments(in.name).Update(ctx, changed(current, wanted), change)
		return err
	})
	if err != nil {
		return err
	}
	if err := f.applyService(ctx, wanted); err != nil {
		return err
	}
	awaitSeen(ctx, in, updated)
	return accept(w, "updated", updated)
}

// deployment asks the API server for a function's, for what must not be based on a stale one.
func (f *functions) deployment(ctx context.Context, namespace, name string) (*appsv1.Deployment, error) {
	found, err := f.client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || (err == nil && (!isFunction(found) || found.DeletionTimestamp != nil)) {
		return nil, unknown(name, namespace)
	}
	return found, err
}

// applyService makes the function's Service, or makes it as it should be.
func (f *functions) applyService(ctx context.Context, wanted *types.FunctionDeployment) error {
	services := f.client.CoreV1().Services(wanted.Namespace)
	service := makeService(wanted)
	_, err := services.Create(ctx, service, create)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := services.Get(ctx, wanted.Service, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !isFunction(current) {
			return refuse(http.StatusConflict, "namespace %s has a Service %s that is no function's",
				wanted.Namespace, wanted.Service)
		}
		current.Labels = service.Labels
		current.Spec.Selector, current.Spec.Ports = service.Spec.Selector, service.Spec.Ports
		_, err = services.Update(ctx, current, change)
		return err
	})
}

func (f *functions) remove(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var wanted types.DeleteFunctionRequest
	if err := readJSON(w, r, &wanted); err != nil {
		return err
	}
	if wanted.FunctionName == "" {
		return refuse(http.StatusBadRequest, "functionName is missing")
	}
	in, err := f.namespaces.find(ctx, or(wanted.Namespace, r))
	if err != nil {
		return err
	}
	found, err := f.deployment(ctx, in.name, wanted.FunctionName)
	if err != nil {
		return err
	}
	// Its pods may go after it: the name can be used again at once.
	background := metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background}
	if err := f.client.AppsV1().Deployments(in.name).Delete(ctx, found.Name, options); err != nil {
		return err
	}
	if err := f.removeService(ctx, in.name, found.Name); err != nil {
		return err
	}
	eventually(ctx, catchUp, func() bool { return in.function(found.Name) == nil })
	return accept(w, "removed", found)
}

func (f *functions) removeService(ctx context.Context, namespace, name string) error {
	services := f.client.CoreV1().Services(namespace)
	found, err := services.Get(ctx, name, metav1.GetOptions{})
	if err == nil && isFunction(found) {
		err = services.Delete(ctx, name, metav1.DeleteOptions{})
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (f *functions) scale(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var wanted types.ScaleServiceRequest
	if err := readJSON(w, r, &wanted); err != nil {
		return err
	}
	name := mux.Vars(r)["name"]
	if wanted.ServiceName != "" && wanted.ServiceName != name {
		return refuse(http.StatusBadRequest, "the request names function %s, its path %s", wanted.ServiceName, name)
	}
	in, err := f.namespaces.find(ctx, or(wanted.Namespace, r))
	if err != nil {
		return err
	}
	current, err := f.deployment(ctx, in.name, name)
	if err != nil {
		return err
	}
	scaled, err := f.client.AppsV1().Deployments(in.name).Patch(ctx, name, apitypes.MergePatchType,
		replicasPatch(min(wanted.Replicas, mostReplicas(current.Labels))),
		metav1.PatchOptions{FieldManager: create.FieldManager})
	if err != nil {
		return err
	}
	awaitSeen(ctx, in, scaled)
	return accept(w, "scaled", scaled)
}

// or is the namespace that a request names in its body, or else in its query.
func or(named string, r *http.Request) string {
	if named != "" {
		return named
	}
	return r.URL.Query().Get("namespace")
}

// awaitSeen waits until the watch has what was written, so that who wrote it reads it.
func awaitSeen(ctx context.Context, in *namespace, written *appsv1.Deployment) {
	eventually(ctx, catchUp, func() bool {
		seen := in.function(written.Name)
		return seen != nil && (seen.UID != written.UID || seen.Generation >= written.Generation)
	})
}

func accept(w http.ResponseWriter, done string, object *appsv1.Deployment) error {
	log.Printf("function %s of namespace %s is %s", object.Name, object.Namespace, done)
	w.WriteHeader(http.StatusAccepted)
	return nil
}
