package main

import (
	"context"
	"log"
	"net/http"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
)

// functionLabel is on everything that belongs to a function; its value is the function's name.
const functionLabel = "faas_function"

// namespace is what is known of one that holds functions.
type namespace struct {
	name        string
	client      kubernetes.Interface
	stop        context.CancelFunc
	synced      chan struct{} // closed when all there is is known
	deployments appslisters.DeploymentNamespaceLister
	pods        corelisters.PodNamespaceLister
	backends    *backends
}

func watchNamespace(ctx context.Context, client kubernetes.Interface, name string) *namespace {
	ctx, stop := context.WithCancel(ctx)
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithNamespace(name),
		informers.WithTransform(strip),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.LabelSelector = functionLabel
		}))
	n := &namespace{
		name:        name,
		client:      client,
		stop:        stop,
		synced:      make(chan struct{}),
		deployments: factory.Apps().V1().Deployments().Lister().Deployments(name),
		pods:        factory.Core().V1().Pods().Lister().Pods(name),
		backends:    newBackends(factory.Discovery().V1().EndpointSlices().Informer()),
	}
	go n.run(ctx, factory)
	return n
}

func (n *namespace) run(ctx context.Context, factory informers.SharedInformerFactory) {
	n.awaitPermission(ctx)
	factory.StartWithContext(ctx)
	if factory.WaitForCacheSyncWithContext(ctx); ctx.Err() != nil {
		return
	}
	if eventually(ctx, time.Minute, n.backends.synced) {
		log.Printf("namespace %s: its functions are known", n.name)
		close(n.synced)
	}
}

// awaitPermission waits for the RoleBinding, which may come a moment after the namespace. A watch
// that is refused would be tried again too, but later and later.
func (n *namespace) awaitPermission(ctx context.Context) {
	one := metav1.ListOptions{Limit: 1}
	said := false
	_ = wait.PollUntilContextCancel(ctx, time.Second/2, true, func(ctx context.Context) (bool, error) {
		_, err := n.client.AppsV1().Deployments(n.name).List(ctx, one)
		if err == nil {
			_, err = n.client.CoreV1().Pods(n.name).List(ctx, one)
		}
		if err == nil {
			_, err = n.client.DiscoveryV1().EndpointSlices(n.name).List(ctx, one)
		}
		if err != nil && !said {
			log.Printf("namespace %s: wait for permission: %v", n.name, err)
			said = true
		}
		return err == nil, nil
	})
}

func (n *namespace) ready() bool {
	select {
	case <-n.synced:
		return true
	default:
		return false
	}
}

func (n *namespace) await(ctx context.Context, limit time.Duration) error {
	if n.ready() || eventually(ctx, limit, n.ready) {
		return nil
	}
	return refuse(http.StatusServiceUnavailable,
		"the functions of namespace %s are not known yet: is its RoleBinding there?", n.name)
}

// function returns a function's Deployment, or nil where there is none. It is shared: for reading.
func (n *namespace) function(name string) *appsv1.Deployment {
	found, err := n.deployments.Get(name)
	if err != nil || !isFunction(found) || found.DeletionTimestamp != nil {
		return nil
	}
	return found
}

func (n *namespace) functions() []*appsv1.Deployment {
	listed, _ := n.deployments.List(labels.Everything())
	functions := make([]*appsv1.Deployment, 0, len(listed))
	for _, found := range listed {
		if isFunction(found) && found.DeletionTimestamp == nil {
			functions = append(functions, found)
		}
	}
	return functions
}

func isFunction(object metav1.Object) bool {
	return object.GetLabels()[functionLabel] == object.GetName()
}

func (n *namespace) podsOf(function string) []*corev1.Pod {
	pods, _ := n.pods.List(labels.SelectorFromSet(labels.Set{functionLabel: function}))
	return pods
}
