// Provider makes OpenFaaS functions out of Deployments and Services, for the gateway beside it.
//
// OpenFaaS's SDK serves the API and asks for the password. What is here answers each call: it keeps
// functions as Kubernetes objects, and passes calls on to a pod that is ready. What it knows of the
// cluster comes from watches, so that neither a call nor the gateway's questions about a function's
// replicas, several a second, reach the API server.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	bootstrap "github.com/openfaas/faas-provider"
	"github.com/openfaas/faas-provider/auth"
	"github.com/openfaas/faas-provider/types"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("provider: ")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 3 && os.Args[1] == "wait" {
		waitFor(ctx, os.Args[2])
		return
	}

	settings, err := readSettings()
	if err != nil {
		log.Fatal(err)
	}
	clients, err := connect()
	if err != nil {
		log.Fatal(err)
	}
	namespaces := watchNamespaces(ctx, clients.objects, settings.namespace)
	handlers := makeHandlers(clients, namespaces, settings)
	if settings.serving.EnableBasicAuth {
		// The SDK asks for the password at every other endpoint of the system.
		handlers.ListNamespaces = withPassword(handlers.ListNamespaces, settings.serving.SecretMountPath)
	}
	// A path is the function's: it is passed on as it came.
	bootstrap.Router().UseEncodedPath().SkipClean(true)
	bootstrap.Serve(ctx, handlers, settings.serving)
}

func makeHandlers(clients *clients, namespaces *namespaces, settings *settings) *types.FaaSHandlers {
	secrets := &secrets{clients, namespaces}
	functions := &functions{clients.objects, namespaces, secrets}
	reader := &reader{namespaces}
	return &types.FaaSHandlers{
		FunctionProxy:  newProxy(namespaces, settings).ServeHTTP,
		FunctionLister: answer(reader.list),
		FunctionStatus: answer(reader.status),
		DeployFunction: answer(functions.deploy),
		UpdateFunction: answer(functions.update),
		DeleteFunction: answer(functions.remove),
		ScaleFunction:  answer(functions.scale),
		Secrets:        answer(secrets.serve),
		Logs:           newLogs(clients.objects, namespaces, settings),
		ListNamespaces: answer(namespaces.list),
		Info:           answer(info),
		Health:         answer(namespaces.health),
	}
}

func withPassword(next http.HandlerFunc, folder string) http.HandlerFunc {
	credentials, err := (&auth.ReadBasicAuthFromDisk{SecretMountPath: folder}).Read()
	if err != nil {
		log.Fatalf("read the password of the system endpoints: %v", err)
	}
	return auth.DecorateWithBasicAuth(next, credentials)
}

func info(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, types.ProviderInfo{
		Name:          "serverless-lab",
		Orchestration: "kubernetes",
		Version:       &types.VersionInfo{Release: "1.0.0"},
	})
}
