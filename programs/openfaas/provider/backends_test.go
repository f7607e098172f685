package main

import (
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
)

func TestCallsGoWhereFewestAre(t *testing.T) {
	b := &backend{changed: make(chan struct{})}
	b.set([]string{"a", "b", "c"})
	got := map[string]int{}
	var last *endpoint
	for range 9 {
		last, _ = b.pick(nil)
		got[last.address]++
	}
	if got["a"] != 3 || got["b"] != 3 || got["c"] != 3 {
		t.Errorf("9 calls went to %v", got)
	}
	last.calls.Add(-2)
	if next, _ := b.pick(nil); next != last {
		t.Errorf("the pod with one call is %s, and %s was chosen", last.address, next.address)
	}
}

func TestAPodKeepsItsCallsWhenOthersCome(t *testing.T) {
	b := &backend{changed: make(chan struct{})}
	b.set([]string{"a"})
	first, changed := b.pick(nil)
	b.set([]string{"b", "a"})
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	if next, _ := b.pick(nil); next.address != "b" {
		t.Errorf("%s has a call, and was chosen", first.address)
	}
	if next, _ := b.pick(map[string]bool{"a": true, "b": true}); next != nil {
		t.Errorf("%s was to be avoided", next.address)
	}
}

func TestOnlyPodsThatStayAreReady(t *testing.T) {
	port, yes, no := int32(8080), true, false
	of := func(address string, ready, serving, terminating *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{
			Ready: ready, Serving: serving, Terminating: terminating,
		}}
	}
	slice := &discoveryv1.EndpointSlice{
		Ports: []discoveryv1.EndpointPort{{Port: &port}},
		Endpoints: []discoveryv1.Endpoint{
			of("10.1.0.1", &yes, &yes, &no), of("10.1.0.2", &no, &yes, &yes),
			of("10.1.0.3", &no, &no, &no), of("fd00::4", nil, nil, nil),
		},
	}
	got := readyAddresses([]any{slice, &discoveryv1.EndpointSlice{}})
	if len(got) != 2 || got[0] != "10.1.0.1:8080" || got[1] != "[fd00::4]:8080" {
		t.Errorf("got %v", got)
	}
}
