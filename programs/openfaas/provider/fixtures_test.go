package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/openfaas/faas-provider/types"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// wanted is a request that nothing is wrong with, changed by a test.
func wanted(change func(*types.FunctionDeployment)) *types.FunctionDeployment {
	request := &types.FunctionDeployment{
		Service: "hello", Namespace: "functions", Image: "localhost:32000/lab/hello:latest",
		Labels: &map[string]string{}, Annotations: &map[string]string{},
	}
	if change != nil {
		change(request)
	}
	return request
}

// stage is a proxy in front of the function "hello", whose pods are servers of the test.
type stage struct {
	*httptest.Server
	pods *backend
}

func newStage(t *testing.T, patience, upstream time.Duration) *stage {
	t.Helper()
	store, noPods := newStore(), newStore()
	function := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Name: "hello", Namespace: "functions", Labels: map[string]string{functionLabel: "hello"},
	}}
	function.Status.AvailableReplicas = 1
	if err := store.Add(function); err != nil {
		t.Fatal(err)
	}
	synced := make(chan struct{})
	close(synced)
	in := &namespace{
		name: "functions", synced: synced, backends: &backends{byService: map[string]*backend{}},
		deployments: appslisters.NewDeploymentLister(store).Deployments("functions"),
		pods:        corelisters.NewPodLister(noPods).Pods("functions"),
	}
	all := &namespaces{fallback: "functions", watched: map[string]*namespace{"functions": in}}
	proxy := newProxy(all, &settings{
		serving: &types.FaaSConfig{}, patience: patience, upstream: upstream,
	})
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	router.PathPrefix("/function/{name:[-a-z.]+}").Handler(proxy)
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	return &stage{server, in.backends.of("hello")}
}

func newStore() cache.Indexer {
	return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{
		cache.NamespaceIndex: cache.MetaNamespaceIndexFunc,
	})
}

// pod is a server that a handler answers, and the address of it.
func pod(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// gone is an address where nobody listens any more.
func gone(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
