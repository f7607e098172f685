package main

import (
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// asker asks pods whether they are ready. A connection of its own each time keeps none to pods that go.
var asker = http.Client{
	Timeout:   time.Second,
	Transport: &http.Transport{DisableKeepAlives: true},
}

// askPods asks the pods that a call waits for whether they are ready, as the kubelet does so once a
// second only. It asks for all calls that wait.
func (c *call) askPods() {
	if !c.backend.asking.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer c.backend.asking.Store(false)
		for _, pod := range c.in.podsOf(c.function) {
			address := net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(port))
			if isStarting(pod) && isReady(address) {
				c.backend.add(address)
			}
		}
	}()
}

// isStarting holds for a pod that runs, is to stay, and was not found ready yet.
func isStarting(pod *corev1.Pod) bool {
	statuses := pod.Status.ContainerStatuses
	return pod.Status.PodIP != "" && pod.DeletionTimestamp == nil &&
		len(statuses) == 1 && statuses[0].State.Running != nil && !statuses[0].Ready
}

func isReady(address string) bool {
	answer, err := asker.Get("http://" + address + "/_/ready")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
