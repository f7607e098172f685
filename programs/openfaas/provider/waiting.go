package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
)

// breather is how long a call waits before it tries pods again that did not take it.
const breather = 20 * time.Millisecond

// choose waits for a pod that takes calls. When all were tried, all are tried again after a breather:
// one whose container starts anew is the same pod.
func (c *call) choose(ctx context.Context, avoid map[string]bool) error {
	for {
		chosen, changed := c.backend.pick(avoid)
		if chosen != nil {
			c.chosen = chosen
			return nil
		}
		if err := c.mayWait(time.Since(c.began)); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-time.After(breather):
			clear(avoid)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// mayWait says why a call should not wait for a pod any longer. Where there is none to wait for, it
// starts one. The first pods of a function, or those that bring it back from zero, may take their
// time, unless it is known that they do not start.
func (c *call) mayWait(waited time.Duration) error {
	function := c.in.function(c.function)
	if function == nil {
		return unknown(c.function, c.in.name)
	}
	if isAsleep(function) {
		c.wake(function)
		return nil
	}
	c.askPods()
	if waited < c.patience {
		return nil
	}
	problem := problemOf(function, c.in.podsOf(c.function))
	if problem == "" && function.Status.AvailableReplicas == 0 {
		return nil
	}
	if problem != "" {
		problem = ": " + problem
	}
	return refuse(http.StatusServiceUnavailable, "no pod of function %s took the call within %s%s",
		c.function, c.patience, problem)
}

func isAsleep(function *appsv1.Deployment) bool {
	return function.Spec.Replicas != nil && *function.Spec.Replicas == 0
}

// wake starts pods for a function that has none, once for all calls that wait.
func (c *call) wake(function *appsv1.Deployment) {
	if !c.backend.waking.CompareAndSwap(false, true) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.patience)
	go func() {
		defer cancel()
		defer c.backend.waking.Store(false)
		if err := c.in.wake(ctx, function); err != nil {
			log.Printf("function %s of namespace %s: start pods: %v", function.Name, function.Namespace, err)
		}
	}()
}

// wake gives a function its first pods, if it still has none: it may have been given more meanwhile.
func (n *namespace) wake(ctx context.Context, function *appsv1.Deployment) error {
	patch := fmt.Appendf(nil, `[{"op": "test", "path": "/spec/replicas", "value": 0},`+
		`{"op": "replace", "path": "/spec/replicas", "value": %d}]`, max(1, leastReplicas(function.Labels)))
	woken, err := n.client.AppsV1().Deployments(n.name).Patch(ctx, function.Name, apitypes.JSONPatchType, patch,
		metav1.PatchOptions{FieldManager: create.FieldManager})
	if apierrors.IsInvalid(err) || apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		log.Printf("function %s of namespace %s is called: it gets pods", function.Name, n.name)
		awaitSeen(ctx, n, woken)
	}
	return err
}
