package main

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

// backends are the pods of a namespace that take calls, by function. They follow EndpointSlices.
type backends struct {
	slices    cache.Indexer
	synced    func() bool
	mu        sync.Mutex
	byService map[string]*backend
}

// backend is the pods of one function that take calls.
type backend struct {
	mu      sync.Mutex
	ready   []*endpoint
	turn    int
	changed chan struct{} // closed when ready is another
	waking  atomic.Bool   // somebody is starting pods
	asking  atomic.Bool   // somebody is asking pods whether they are ready
}

// endpoint is one pod, and how many calls are with it.
type endpoint struct {
	address string
	calls   atomic.Int64
}

const byService = "service"

func newBackends(informer cache.SharedIndexInformer) *backends {
	b := &backends{slices: informer.GetIndexer(), byService: map[string]*backend{}}
	// Neither can fail before the informer is started.
	_ = informer.AddIndexers(cache.Indexers{byService: func(object any) ([]string, error) {
		return []string{serviceOf(object)}, nil
	}})
	registration, _ := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    b.follow,
		UpdateFunc: func(_, object any) { b.follow(object) },
		DeleteFunc: b.follow,
	})
	b.synced = registration.HasSynced
	return b
}

func serviceOf(object any) string {
	slice, ok := object.(*discoveryv1.EndpointSlice)
	if !ok {
		return ""
	}
	return slice.Labels[discoveryv1.LabelServiceName]
}

func (b *backends) follow(object any) {
	if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	service := serviceOf(object)
	found, _ := b.slices.ByIndex(byService, service)
	b.of(service).set(readyAddresses(found))
}

// of returns the backend of a function that exists, made where no pod was heard of yet.
func (b *backends) of(service string) *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.byService[service]
	if found == nil {
		found = &backend{changed: make(chan struct{})}
		b.byService[service] = found
	}
	return found
}

// readyAddresses leaves out pods that are about to end: they still serve, but not for long.
func readyAddresses(found []any) []string {
	var addresses []string
	for _, object := range found {
		slice, ok := object.(*discoveryv1.EndpointSlice)
		if !ok || len(slice.Ports) == 0 || slice.Ports[0].Port == nil {
			continue
		}
		port := strconv.Itoa(int(*slice.Ports[0].Port))
		for _, each := range slice.Endpoints {
			if len(each.Addresses) > 0 && (each.Conditions.Ready == nil || *each.Conditions.Ready) {
				addresses = append(addresses, net.JoinHostPort(each.Addresses[0], port))
			}
		}
	}
	return addresses
}

func (b *backend) set(addresses []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := make(map[string]*endpoint, len(b.ready))
	for _, each := range b.ready {
		before[each.address] = each
	}
	b.ready = make([]*endpoint, 0, len(addresses))
	for _, address := range addresses {
		kept := before[address]
		if kept == nil {
			kept = &endpoint{address: address}
		}
		b.ready = append(b.ready, kept)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// add takes a pod for ready before the EndpointSlices say so, until they say anything.
func (b *backend) add(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, each := range b.ready {
		if each.address == address {
			return
		}
	}
	b.ready = append(b.ready, &endpoint{address: address})
	close(b.changed)
	b.changed = make(chan struct{})
}

// pick chooses the pod with the fewest calls, in turn where several have as few, and counts one
// more for it. Where there is none but those to avoid, it returns nil, and what is closed when there
// may be another.
func (b *backend) pick(avoid map[string]bool) (*endpoint, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var chosen *endpoint
	b.turn++
	for i := range b.ready {
		each := b.ready[(b.turn+i)%len(b.ready)]
		if !avoid[each.address] && (chosen == nil || each.calls.Load() < chosen.calls.Load()) {
			chosen = each
		}
	}
	if chosen != nil {
		chosen.calls.Add(1)
	}
	return chosen, b.changed
}
