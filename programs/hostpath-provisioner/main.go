// A dynamic provisioner for hostPath volumes: every claim on a StorageClass of the provisioner
// microk8s.io/hostpath gets a folder of its own on the node.
//
// The library is the controller: it watches claims and volumes, retries, and records events.
// What is left to do here is to make a folder, describe it as a PersistentVolume, and remove it.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	provisionerName = "microk8s.io/hostpath"
	defaultRoot     = "/var/snap/microk8s/common/default-storage"
)

// provisioner keeps all volumes as direct children of root. An os.Root cannot be left through
// "..", nor through a symbolic link that a pod has put into its volume.
type provisioner struct {
	root *os.Root
	node string
}

func (p *provisioner) Provision(_ context.Context, options controller.ProvisionOptions) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC
	name := fmt.Sprintf("%s-%s-%s", claim.Namespace, claim.Name, options.PVName)
	if err := p.root.MkdirAll(name, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	// Containers run as any user, and the umask took the write permission for others away.
	if err := p.root.Chmod(name, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}

	kind := v1.HostPathDirectoryOrCreate
	volume := &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.Spec.AccessModes,
			// A folder has no size; the volume is as large as was asked for, or it would not bind.
			Capacity: v1.ResourceList{
				v1.ResourceStorage: claim.Spec.Resources.Requests[v1.ResourceStorage],
			},
			PersistentVolumeSource: v1.PersistentVolumeSource{
				HostPath: &v1.HostPathVolumeSource{
					Path: filepath.Join(p.root.Name(), name),
					Type: &kind,
				},
			},
			NodeAffinity: &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{
				NodeSelectorTerms: []v1.NodeSelectorTerm{{
					MatchExpressions: []v1.NodeSelectorRequirement{{
						Key:      v1.LabelHostname,
						Operator: v1.NodeSelectorOpIn,
						Values:   []string{p.node},
					}},
				}},
			}},
		},
	}
	return volume, controller.ProvisioningFinished, nil
}

func (p *provisioner) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	if volume.Spec.HostPath == nil {
		return fmt.Errorf("volume %s has no hostPath", volume.Name)
	}
	// Whoever may edit volumes could name any folder of the node here.
	path := filepath.Clean(volume.Spec.HostPath.Path)
	if filepath.Dir(path) != p.root.Name() {
		return fmt.Errorf("refusing to remove %s: it is not a folder in %s", path, p.root.Name())
	}
	return p.root.RemoveAll(filepath.Base(path))
}

func main() {
	if err := run(); err != nil {
		klog.ErrorS(err, "Stopped")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	node := os.Getenv("NODE_NAME")
	if node == "" {
		return fmt.Errorf("NODE_NAME is not set")
	}
	dir := filepath.Clean(cmp.Or(os.Getenv("PV_DIR"), defaultRoot))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}

	// One node means one provisioner, so there is no leader to elect.
	controller.NewProvisionController(ctx, client, provisionerName,
		&provisioner{root: root, node: node},
		controller.LeaderElection(false),
	).Run(ctx)
	return nil
}
