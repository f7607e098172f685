package main

import (
	"cmp"
	"context"
	"log"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// annotation marks, with the value 1, the namespaces that functions may be put into.
const annotation = "openfaas"

// catchUp is how long a watch may lag behind what was just written.
const catchUp = 2 * time.Second

// namespaces knows those that hold functions, and watches each of them.
type namespaces struct {
	client   kubernetes.Interface
	fallback string
	synced   cache.InformerSynced
	mu       sync.RWMutex
	watched  map[string]*namespace
}

func watchNamespaces(ctx context.Context, client kubernetes.Interface, fallback string) *namespaces {
	n := &namespaces{client: client, fallback: fallback, watched: map[string]*namespace{}}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(strip))
	registration, err := factory.Core().V1().Namespaces().Informer().AddEventHandler(
		cache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { n.follow(ctx, object) },
			UpdateFunc: func(_, object any) { n.follow(ctx, object) },
			DeleteFunc: n.drop,
		})
	if err != nil {
		log.Fatalf("watch namespaces: %v", err)
	}
	n.synced = registration.HasSynced
	factory.StartWithContext(ctx)
	return n
}

// strip leaves out what nobody here reads and what is often most of an object.
func strip(object any) (any, error) {
	if with, ok := object.(metav1.Object); ok {
		with.SetManagedFields(nil)
	}
	return object, nil
}

func holdsFunctions(object *corev1.Namespace) bool {
	return object.Annotations[annotation] == "1" && object.DeletionTimestamp == nil
}

func (n *namespaces) follow(ctx context.Context, object any) {
	found, ok := object.(*corev1.Namespace)
	if !ok {
		return
	}
	if !holdsFunctions(found) {
		n.drop(found)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.watched[found.Name] == nil {
		n.watched[found.Name] = watchNamespace(ctx, n.client, found.Name)
	}
}

func (n *namespaces) drop(object any) {
	if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	gone, ok := object.(*corev1.Namespace)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if watched := n.watched[gone.Name]; watched != nil {
		watched.stop()
		delete(n.watched, gone.Name)
	}
}

func (n *namespaces) known(name string) *namespace {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.watched[name]
}

// find returns a namespace whose functions are known; the default one where no name is given.
func (n *namespaces) find(ctx context.Context, name string) (*namespace, error) {
	name = cmp.Or(name, n.fallback)
	found := n.known(name)
	if found == nil {
		return nil, refuse(http.StatusBadRequest,
			"namespace %s is not for functions: it lacks the annotation %s: \"1\"", name, annotation)
	}
	return found, found.await(ctx, catchUp)
}

// findNew is find for a namespace that may just have been made, and that no watch has seen.
func (n *namespaces) findNew(ctx context.Context, name string) (*namespace, error) {
	if n.known(cmp.Or(name, n.fallback)) == nil && n.isNew(ctx, name) {
		eventually(ctx, catchUp, func() bool { return n.known(name) != nil })
	}
	return n.find(ctx, name)
}

func (n *namespaces) isNew(ctx context.Context, name string) bool {
	only := fields.OneTermEqualSelector("metadata.name", name).String()
	listed, err := n.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{FieldSelector: only})
	return err == nil && len(listed.Items) == 1 && holdsFunctions(&listed.Items[0])
}

func (n *namespaces) list(w http.ResponseWriter, _ *http.Request) error {
	n.mu.RLock()
	names := slices.AppendSeq([]string{}, maps.Keys(n.watched))
	n.mu.RUnlock()
	slices.Sort(names)
	return writeJSON(w, names)
}

// health holds once the default namespace is known. Others may be refused to the provider: that is
// theirs to mend, and must not stop the rest.
func (n *namespaces) health(w http.ResponseWriter, _ *http.Request) error {
	if found := n.known(n.fallback); !n.synced() || (found != nil && !found.ready()) {
		return refuse(http.StatusServiceUnavailable, "not all functions are known yet")
	}
	_, _ = w.Write([]byte("OK"))
	return nil
}

// eventually looks until something holds, and says whether it came to hold in time.
func eventually(ctx context.Context, limit time.Duration, holds func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return true
}
