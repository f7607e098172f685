// A client of OpenFaaS's API that OpenFaaS itself publishes.
module lab/tests/client

go 1.26.0

require (
	github.com/openfaas/faas-provider v0.25.8
	github.com/openfaas/go-sdk v0.3.1
)
