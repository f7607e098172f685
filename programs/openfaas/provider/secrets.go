package main

import (
	"context"
	"net/http"
	"sort"

	"github.com/openfaas/faas-provider/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/validation"
)

// ownSecrets chooses the secrets that are functions'. Others are not there, as far as the provider
// is concerned.
const (
	managedLabel = "app.kubernetes.io/managed-by"
	managedValue = "openfaas"
	ownSecrets   = managedLabel + "=" + managedValue
)

// secrets keeps those of functions. It asks the API server for names only, never for values.
type secrets struct {
	clients    *clients
	namespaces *namespaces
}

func (s *secrets) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodGet {
		return s.list(w, r)
	}
	var given types.Secret
	if err := readJSON(w, r, &given); err != nil {
		return err
	}
	if err := wrong("name", given.Name, validation.IsDNS1123Subdomain(given.Name)); err != nil {
		return err
	}
	in, err := s.namespaces.findNew(r.Context(), or(given.Namespace, r))
	if err != nil {
		return err
	}
	given.Namespace = in.name
	if err := s.keep(r, &given); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (s *secrets) keep(r *http.Request, given *types.Secret) error {
	switch r.Method {
	case http.MethodPost:
		return s.create(r.Context(), given)
	case http.MethodPut:
		return s.replace(r.Context(), given)
	default:
		return s.remove(r.Context(), given)
	}
}

func (s *secrets) list(w http.ResponseWriter, r *http.Request) error {
	in, err := s.namespaces.findNew(r.Context(), r.URL.Query().Get("namespace"))
	if err != nil {
		return err
	}
	found, err := s.find(r.Context(), in.name, "")
	if err != nil {
		return err
	}
	names := make([]types.Secret, 0, len(found))
	for _, each := range found {
		names = append(names, types.Secret{Name: each.Name, Namespace: in.name})
	}
	sort.Slice(names, func(i, j int) bool { return names[i].Name < names[j].Name })
	return writeJSON(w, names)
}

// find returns the functions' secrets of a namespace, or the one of a name.
func (s *secrets) find(ctx context.Context, namespace, name string) ([]metav1.PartialObjectMetadata, error) {
	options := metav1.ListOptions{LabelSelector: ownSecrets}
	if name != "" {
		options.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
	}
	kind := corev1.SchemeGroupVersion.WithResource("secrets")
	listed, err := s.clients.names.Resource(kind).Namespace(namespace).List(ctx, options)
	if err != nil {
		return nil, err
	}
	return listed.Items, nil
}

func (s *secrets) one(ctx context.Context, namespace, name string) (*metav1.PartialObjectMetadata, error) {
	found, err := s.find(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, refuse(http.StatusNotFound, "there is no secret %s in namespace %s", name, namespace)
	}
	return &found[0], nil
}

// require refuses a function whose pods could not start for want of a secret.
func (s *secrets) require(ctx context.Context, namespace string, names []string) error {
	for _, name := range names {
		found, err := s.find(ctx, namespace, name)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return refuse(http.StatusBadRequest,
				"secrets: there is no secret %s in namespace %s: create it first", name, namespace)
		}
	}
	return nil
}

func (s *secrets) create(ctx context.Context, given *types.Secret) error {
	made := makeSecret(given)
	made.Labels = map[string]string{managedLabel: managedValue}
	_, err := s.clients.objects.CoreV1().Secrets(given.Namespace).Create(ctx, made, create)
	if apierrors.IsAlreadyExists(err) {
		return refuse(http.StatusConflict, "secret %s exists already: update it with PUT", given.Name)
	}
	return err
}

func (s *secrets) replace(ctx context.Context, given *types.Secret) error {
	found, err := s.one(ctx, given.Namespace, given.Name)
	if err != nil {
		return err
	}
	next := makeSecret(given)
	// The version says whose value is replaced, should somebody else be at it.
	next.Labels, next.Annotations, next.ResourceVersion = found.Labels, found.Annotations, found.ResourceVersion
	_, err = s.clients.objects.CoreV1().Secrets(given.Namespace).Update(ctx, next, change)
	return err
}

func (s *secrets) remove(ctx context.Context, given *types.Secret) error {
	found, err := s.one(ctx, given.Namespace, given.Name)
	if err != nil {
		return err
	}
	same := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(found.UID))}
	return s.clients.objects.CoreV1().Secrets(given.Namespace).Delete(ctx, given.Name, same)
}

// makeSecret puts the value under the secret's own name, which becomes the file's.
func makeSecret(given *types.Secret) *corev1.Secret {
	value := given.RawValue
	if given.Value != "" {
		value = []byte(given.Value)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: given.Name, Namespace: given.Namespace},
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{given.Name: value},
	}
}
