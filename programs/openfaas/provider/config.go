package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/openfaas/faas-provider/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// settings are what the environment says.
type settings struct {
	serving   *types.FaaSConfig // port, read_timeout, write_timeout, basic_auth, secret_mount_path
	namespace string            // function_namespace: where a function is if a caller names no other
	upstream  time.Duration     // upstream_timeout: how long a function may take to begin its answer
	patience  time.Duration     // pod_timeout: how long a call waits for a pod that can take it
}

const (
	defaultPort     = 8081
	defaultPatience = 5 * time.Second
)

func readSettings() (*settings, error) {
	serving, err := types.ReadConfig{}.Read(types.OsEnv{})
	if err != nil {
		return nil, err
	}
	port := types.ParseIntValue(os.Getenv("port"), defaultPort)
	serving.TCPPort = &port
	// Whoever reaches the port could deploy what they like: it takes a decision to allow that.
	serving.EnableBasicAuth = types.ParseBoolValue(os.Getenv("basic_auth"), true)
	return &settings{
		serving:   serving,
		namespace: cmp.Or(os.Getenv("function_namespace"), "openfaas-fn"),
		// The server gives up on an answer after write_timeout, and then it cannot say why any more.
		upstream: duration("upstream_timeout", serving.WriteTimeout*9/10),
		patience: duration("pod_timeout", defaultPatience),
	}, nil
}

func duration(name string, fallback time.Duration) time.Duration {
	return types.ParseIntOrDurationValue(os.Getenv(name), fallback)
}

// clients reach the API server: objects whole, and secrets without their values.
type clients struct {
	objects kubernetes.Interface
	names   metadata.Interface
}

// connect uses the pod's ServiceAccount, or outside of a cluster the file that KUBECONFIG names.
func connect() (*clients, error) {
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		config, err = clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	}
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	config.UserAgent = "openfaas-provider"
	// The library's own limit is meant for programs that nobody waits for.
	config.QPS, config.Burst = 100, 200
	objects, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	names, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &clients{objects, names}, nil
}
