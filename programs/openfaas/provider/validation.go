package main

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/openfaas/faas-provider/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

// validate looks at a request before anything is made of it, and says what is wrong in the words of
// the request. What Kubernetes would refuse besides comes from the API server itself.
func validate(wanted *types.FunctionDeployment) error {
	for _, look := range []func(*types.FunctionDeployment) error{
		validateName, validateImage, validateEnvironment, validateLabels, validateAnnotations,
		validateScale, validateResources, validateSecrets, validateConstraints,
	} {
		if err := look(wanted); err != nil {
			return err
		}
	}
	return nil
}

// wrong says which value of a request is not what it should be. Kubernetes knows the rules.
func wrong(what, value string, rules []string) error {
	if len(rules) == 0 {
		return nil
	}
	return refuse(http.StatusBadRequest, "%s: %q: %s", what, value, strings.Join(rules, "; "))
}

func validateName(wanted *types.FunctionDeployment) error {
	if wanted.Service == "" {
		return refuse(http.StatusBadRequest, "service: the function's name is missing")
	}
	return wrong("service", wanted.Service, validation.IsDNS1035Label(wanted.Service))
}

func validateImage(wanted *types.FunctionDeployment) error {
	if wanted.Image == "" {
		return refuse(http.StatusBadRequest, "image: it is missing")
	}
	if _, err := reference.ParseNormalizedNamed(wanted.Image); err != nil {
		return refuse(http.StatusBadRequest, "image: %q: %v", wanted.Image, err)
	}
	return nil
}

func validateEnvironment(wanted *types.FunctionDeployment) error {
	for name, value := range wanted.EnvVars {
		if err := wrong("envVars", name, validation.IsEnvVarName(name)); err != nil {
			return err
		}
		if strings.ContainsRune(value, 0) {
			return refuse(http.StatusBadRequest, "envVars: %q: its value has a zero byte", name)
		}
	}
	return nil
}

func validateLabels(wanted *types.FunctionDeployment) error {
	if wanted.Labels == nil {
		return nil
	}
	for key, value := range *wanted.Labels {
		if err := wrong("labels", key, validation.IsQualifiedName(key)); err != nil {
			return err
		}
		if err := wrong("labels: "+key, value, validation.IsValidLabelValue(value)); err != nil {
			return err
		}
		if key == functionLabel && value != wanted.Service {
			return refuse(http.StatusBadRequest, "labels: %s is set to the function's name", functionLabel)
		}
	}
	return nil
}

func validateAnnotations(wanted *types.FunctionDeployment) error {
	if wanted.Annotations == nil {
		return nil
	}
	for key := range *wanted.Annotations {
		if err := wrong("annotations", key, validation.IsQualifiedName(strings.ToLower(key))); err != nil {
			return err
		}
	}
	return nil
}

// validateScale looks at the labels that the gateway reads. It finds no function whose factor it
// does not like, and never says so.
func validateScale(wanted *types.FunctionDeployment) error {
	if wanted.Labels == nil {
		return nil
	}
	for key, from := range map[string]uint64{leastLabel: 0, mostLabel: 1, factorLabel: 1} {
		text, given := (*wanted.Labels)[key]
		if !given {
			continue
		}
		if value, err := strconv.ParseUint(text, 10, 31); err != nil || value < from || value > mostOfAnyone {
			return refuse(http.StatusBadRequest, "labels: %s: %q is not a number from %d to %d",
				key, text, from, mostOfAnyone)
		}
	}
	least := leastReplicas(*wanted.Labels)
	if most := number(*wanted.Labels, mostLabel, max(defaultMost, least)); least > most {
		return refuse(http.StatusBadRequest, "labels: %s is %d, more than %s, %d", leastLabel, least, mostLabel, most)
	}
	return nil
}

func validateSecrets(wanted *types.FunctionDeployment) error {
	seen := map[string]bool{}
	for _, name := range wanted.Secrets {
		if err := wrong("secrets", name, validation.IsDNS1123Subdomain(name)); err != nil {
			return err
		}
		if seen[name] {
			return refuse(http.StatusBadRequest, "secrets: %s is named twice", name)
		}
		seen[name] = true
	}
	return nil
}

func validateConstraints(wanted *types.FunctionDeployment) error {
	for _, constraint := range wanted.Constraints {
		key, value, ok := splitConstraint(constraint)
		if !ok || len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
			return refuse(http.StatusBadRequest, "constraints: %q is not a label of nodes, such as %s",
				constraint, "kubernetes.io/arch=amd64")
		}
	}
	return nil
}

// splitConstraint takes KEY=VALUE apart; OpenFaaS's documentation has KEY == VALUE, too.
func splitConstraint(constraint string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(constraint, "=")
	return strings.TrimSpace(key), strings.TrimSpace(strings.TrimPrefix(value, "=")), ok
}

func nodeSelector(constraints []string) map[string]string {
	selector := map[string]string{}
	for _, constraint := range constraints {
		key, value, _ := splitConstraint(constraint)
		selector[key] = value
	}
	return selector
}
