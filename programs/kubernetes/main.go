// Kubernetes as one program with six entry points, chosen by the name it is started under.
//
// The five node processes share most of their code, so one binary links once, is a third of
// the size of five, and its pages are shared in memory. kubectl rides along, so that client
// and server are always of the same version.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // sign-in plugins of cloud clusters, for kubectl
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var entryPoints = map[string]func() int{
	"kube-apiserver":          func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return cli.Run(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"kubelet":                 func() int { return cli.Run(kubelet.NewKubeletCommand(context.Background())) },
	"kube-proxy":              func() int { return cli.Run(proxy.NewProxyCommand()) },
	"kubectl":                 runKubectl,
}

func runKubectl() int {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	return 0
}

func main() {
	run, known := entryPoints[filepath.Base(os.Args[0])]
	if !known {
		fmt.Fprintf(os.Stderr, "start this program under one of these names: %s\n", names())
		os.Exit(2)
	}
	os.Exit(run())
}

func names() string {
	all := make([]string, 0, len(entryPoints))
	for name := range entryPoints {
		all = append(all, name)
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}
