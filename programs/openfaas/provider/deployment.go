package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openfaas/faas-provider/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	port        = 8080 // where every function listens
	user        = 65532
	secretsPath = "/var/openfaas/secrets"
	processName = "fprocess" // the variable in which OpenFaaS's watchdog finds its command

	// updatedAnnotation makes an update start new pods even if nothing else changed, as OpenFaaS does:
	// the image's tag may have moved.
	updatedAnnotation = "lab.serverless/updated"

	// A pod that is to end goes on serving until every proxy has learnt of it.
	farewell = 2
	// Seconds that a process has to start before it is started anew. A probe of its own for that would
	// make a pod up to a second later ready: the kubelet looks for readiness as soon as a container
	// runs, but for the start of its process only when the next second begins.
	slowestStart = 60
	// What a call may take that is under way then, where the function does not say so, and what is
	// added for the pod's own end. A pod without calls does not wait for it.
	defaultGrace, extraGrace = time.Minute, 5
)

func makeDeployment(wanted *types.FunctionDeployment) *appsv1.Deployment {
	none, one := intstr.FromInt32(0), intstr.FromInt32(1)
	labels := labelsOf(wanted)
	replicas := int32(leastReplicas(labels))
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name:        wanted.Service,
			Namespace:   wanted.Namespace,
			Labels:      labels,
			Annotations: annotationsOf(wanted),
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{functionLabel: wanted.Service}},
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &none, MaxSurge: &one},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotationsOf(wanted)},
				Spec:       makePod(wanted),
			},
		},
	}
}

// changed is a function's Deployment as it should become. It keeps as many replicas as there are, if
// that is not too few or too many now.
func changed(current *appsv1.Deployment, wanted *types.FunctionDeployment) *appsv1.Deployment {
	next, made := current.DeepCopy(), makeDeployment(wanted)
	var replicas uint64
	if current.Spec.Replicas != nil {
		replicas = uint64(*current.Spec.Replicas)
	}
	kept := int32(min(max(replicas, leastReplicas(made.Labels)), mostReplicas(made.Labels)))
	next.Labels = made.Labels
	next.Annotations = made.Annotations
	for key, value := range current.Annotations {
		if strings.HasPrefix(key, "deployment.kubernetes.io/") {
			next.Annotations[key] = value
		}
	}
	next.Spec.Replicas = &kept
	next.Spec.Strategy = made.Spec.Strategy
	next.Spec.Template = made.Spec.Template
	if !strings.Contains(wanted.Image, "@") {
		next.Spec.Template.Annotations[updatedAnnotation] = time.Now().UTC().Format(time.RFC3339Nano)
	}
	return next
}

func makeService(wanted *types.FunctionDeployment) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name:      wanted.Service,
			Namespace: wanted.Namespace,
			Labels:    labelsOf(wanted),
		},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{functionLabel: wanted.Service},
			Ports: []corev1.ServicePort{{
				Name: "http", Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP,
			}},
		},
	}
}

func labelsOf(wanted *types.FunctionDeployment) map[string]string {
	labels := map[string]string{}
	if wanted.Labels != nil {
		maps.Copy(labels, *wanted.Labels)
	}
	labels[functionLabel] = wanted.Service
	return labels
}

func annotationsOf(wanted *types.FunctionDeployment) map[string]string {
	annotations := map[string]string{}
	if wanted.Annotations != nil {
		maps.Copy(annotations, *wanted.Annotations)
	}
	return annotations
}

func makePod(wanted *types.FunctionDeployment) corev1.PodSpec {
	no, yes := false, true
	grace := graceOf(wanted)
	volumes, mounts := makeVolumes(wanted)
	return corev1.PodSpec{
		AutomountServiceAccountToken:  &no,
		EnableServiceLinks:            &no,
		TerminationGracePeriodSeconds: &grace,
		NodeSelector:                  nodeSelector(wanted.Constraints),
		Volumes:                       volumes,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsUser:      new(int64(user)),
			RunAsGroup:     new(int64(user)),
			RunAsNonRoot:   &yes,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name:  wanted.Service,
			Image: wanted.Image,
			// A tag may have moved.
			ImagePullPolicy: corev1.PullAlways,
			Ports:           []corev1.ContainerPort{{Name: "http", ContainerPort: port}},
			Env:             makeEnvironment(wanted),
			Resources:       makeResources(wanted),
			VolumeMounts:    mounts,
			LivenessProbe:   makeProbe("/_/health", slowestStart, 5, 3),
			ReadinessProbe:  makeProbe("/_/ready", 0, 1, 2),
			Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{
				Sleep: &corev1.SleepAction{Seconds: farewell},
			}},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: &no,
				ReadOnlyRootFilesystem:   &yes,
				Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}
}

func makeProbe(path string, delay, period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{
			HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port)},
		},
		InitialDelaySeconds: delay,
		PeriodSeconds:       period,
		TimeoutSeconds:      max(period, 2),
		FailureThreshold:    failures,
	}
}

// graceOf is how many seconds a pod has to end: as long as a call may take, and a little more.
func graceOf(wanted *types.FunctionDeployment) int64 {
	limit := max(timeout(wanted, "exec_timeout"), timeout(wanted, "write_timeout"))
	if limit == 0 {
		limit = defaultGrace
	}
	return int64(limit.Round(time.Second)/time.Second) + farewell + extraGrace
}

func timeout(wanted *types.FunctionDeployment, name string) time.Duration {
	return types.ParseIntOrDurationValue(wanted.EnvVars[name], 0)
}

// makeEnvironment sorts the variables: the same request makes the same pods.
func makeEnvironment(wanted *types.FunctionDeployment) []corev1.EnvVar {
	variables := make([]corev1.EnvVar, 0, len(wanted.EnvVars)+1)
	if wanted.EnvProcess != "" {
		variables = append(variables, corev1.EnvVar{Name: processName, Value: wanted.EnvProcess})
	}
	for _, name := range slices.Sorted(maps.Keys(wanted.EnvVars)) {
		variables = append(variables, corev1.EnvVar{Name: name, Value: wanted.EnvVars[name]})
	}
	return variables
}

// makeVolumes gives the function a /tmp, and its secrets as files that follow their values.
func makeVolumes(wanted *types.FunctionDeployment) ([]corev1.Volume, []corev1.VolumeMount) {
	size := resource.MustParse("200Mi")
	volumes := []corev1.Volume{{
		Name:         "tmp",
		VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size}},
	}}
	mounts := []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}}
	if len(wanted.Secrets) == 0 {
		return volumes, mounts
	}
	projected := &corev1.ProjectedVolumeSource{}
	for _, name := range wanted.Secrets {
		projected.Sources = append(projected.Sources, corev1.VolumeProjection{
			Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
		})
	}
	volumes = append(volumes, corev1.Volume{
		Name: "secrets", VolumeSource: corev1.VolumeSource{Projected: projected},
	})
	return volumes, append(mounts, corev1.VolumeMount{Name: "secrets", MountPath: secretsPath, ReadOnly: true})
}

const (
	leastLabel      = "com.openfaas.scale.min"
	mostLabel       = "com.openfaas.scale.max"
	factorLabel     = "com.openfaas.scale.factor"
	defaultLeast    = 1
	defaultMost     = 5 // the gateway's
	mostOfAnyone    = 100
	replicasPattern = `{"spec":{"replicas":%d}}`
)

func replicasPatch(replicas uint64) []byte { return fmt.Appendf(nil, replicasPattern, replicas) }

func leastReplicas(labels map[string]string) uint64 { return number(labels, leastLabel, defaultLeast) }

func mostReplicas(labels map[string]string) uint64 {
	return max(number(labels, mostLabel, defaultMost), leastReplicas(labels))
}

func number(labels map[string]string, key string, fallback uint64) uint64 {
	value, err := strconv.ParseUint(labels[key], 10, 31)
	if err != nil {
		return fallback
	}
	return value
}
