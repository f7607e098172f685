package main

import (
	"net/http"

	"github.com/openfaas/faas-provider/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

var (
	leastMemory       = resource.MustParse("4Mi")
	defaultCPU        = resource.MustParse("10m")
	defaultMemory     = resource.MustParse("32Mi")
	defaultMostMemory = resource.MustParse("256Mi")
	exampleAmounts    = "such as 128Mi for memory or 100m for cpu"
)

// quantity is one entry of limits or requests.
type quantity struct {
	resource corev1.ResourceName
	text     string
}

func quantities(from *types.FunctionResources) []quantity {
	if from == nil {
		return nil
	}
	var given []quantity
	for _, each := range []quantity{
		{corev1.ResourceCPU, from.CPU}, {corev1.ResourceMemory, from.Memory},
		{"nvidia.com/gpu", from.NvidiaGPU}, {"amd.com/gpu", from.AmdGPU}, {"gpu.intel.com/i915", from.IntelGPU},
	} {
		if each.text != "" {
			given = append(given, each)
		}
	}
	return given
}

// parse reads limits or requests that were validated.
func parse(from *types.FunctionResources) corev1.ResourceList {
	list := corev1.ResourceList{}
	for _, each := range quantities(from) {
		if parsed, err := resource.ParseQuantity(each.text); err == nil {
			list[each.resource] = parsed
		}
	}
	return list
}

// makeResources asks for little, and never leaves memory without a limit: a function that takes too
// much must end itself, not its neighbours.
func makeResources(wanted *types.FunctionDeployment) corev1.ResourceRequirements {
	limits, requests := parse(wanted.Limits), parse(wanted.Requests)
	if _, given := limits[corev1.ResourceMemory]; !given {
		limits[corev1.ResourceMemory] = larger(defaultMostMemory, requests[corev1.ResourceMemory])
	}
	if _, given := requests[corev1.ResourceMemory]; !given {
		requests[corev1.ResourceMemory] = smaller(defaultMemory, limits[corev1.ResourceMemory])
	}
	if _, given := requests[corev1.ResourceCPU]; !given {
		requests[corev1.ResourceCPU] = defaultCPU
		if limit, limited := limits[corev1.ResourceCPU]; limited {
			requests[corev1.ResourceCPU] = smaller(defaultCPU, limit)
		}
	}
	return corev1.ResourceRequirements{Limits: limits, Requests: requests}
}

func larger(a, b resource.Quantity) resource.Quantity {
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}

func smaller(a, b resource.Quantity) resource.Quantity {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func validateResources(wanted *types.FunctionDeployment) error {
	for where, given := range map[string]*types.FunctionResources{
		"limits": wanted.Limits, "requests": wanted.Requests,
	} {
		for _, each := range quantities(given) {
			if err := validateQuantity(where, each); err != nil {
				return err
			}
		}
	}
	limits, requests := parse(wanted.Limits), parse(wanted.Requests)
	for name, request := range requests {
		if limit, limited := limits[name]; limited && request.Cmp(limit) > 0 {
			return refuse(http.StatusBadRequest, "requests: %s asks for %s, more than its limit %s",
				name, request.String(), limit.String())
		}
	}
	return nil
}

func validateQuantity(where string, given quantity) error {
	parsed, err := resource.ParseQuantity(given.text)
	if err != nil || parsed.Sign() <= 0 {
		return refuse(http.StatusBadRequest, "%s: %s: %q is not an amount, %s",
			where, given.resource, given.text, exampleAmounts)
	}
	if where == "limits" && given.resource == corev1.ResourceMemory && parsed.Cmp(leastMemory) < 0 {
		return refuse(http.StatusBadRequest, "%s: memory: %q is less than %s, in which nothing runs: was Mi meant?",
			where, given.text, leastMemory.String())
	}
	return nil
}
