package main

import (
	"fmt"
	"sort"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// slowStart is how long a container may run before it counts as a problem that it is not ready.
const slowStart = 10 * time.Second

// problemOf says why pods of a function do not start; nothing where they only take their time. The
// newest pod counts, as it is of the newest version.
func problemOf(function *appsv1.Deployment, pods []*corev1.Pod) string {
	sort.Slice(pods, func(i, j int) bool {
		return pods[j].CreationTimestamp.Before(&pods[i].CreationTimestamp)
	})
	for _, pod := range pods {
		if problem := problemOfPod(pod); problem != "" && pod.DeletionTimestamp == nil {
			return problem
		}
	}
	for _, condition := range function.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			return condition.Reason + ": " + condition.Message
		}
	}
	return ""
}

func problemOfPod(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return condition.Reason + ": " + condition.Message
		}
	}
	for _, container := range pod.Status.ContainerStatuses {
		if problem := problemOfContainer(container); problem != "" {
			return problem
		}
	}
	return ""
}

func problemOfContainer(container corev1.ContainerStatus) string {
	last := container.LastTerminationState.Terminated
	if now := container.State.Terminated; now != nil {
		last = now
	}
	waiting, running := container.State.Waiting, container.State.Running
	switch {
	case last != nil && (waiting != nil || container.State.Terminated != nil):
		return fmt.Sprintf("%s: its process ended with exit code %d, %d restarts: see its logs",
			last.Reason, last.ExitCode, container.RestartCount)
	case waiting != nil && waiting.Message != "":
		return waiting.Reason + ": " + waiting.Message
	case running != nil && !container.Ready && time.Since(running.StartedAt.Time) > slowStart:
		return fmt.Sprintf("NotReady: it runs since %s, but /_/ready on port %d does not answer with 200",
			running.StartedAt.Format(time.TimeOnly), port)
	}
	return ""
}
