// The container registry of the Distribution project, storing images in a folder.
//
// Storage drivers and middleware register themselves when they are imported. Upstream's main
// package imports the drivers of three clouds as well; their client libraries are most of the
// build, and a registry on the node has no use for them.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}
