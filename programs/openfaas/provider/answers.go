package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// refusal is an error that says with which status it is answered.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func refuse(status int, format string, values ...any) error {
	return refusal{status, fmt.Sprintf(format, values...)}
}

// answer makes a handler of a function that returns its error. The system endpoints say errors as
// plain text, since that is how OpenFaaS's clients print them.
func answer(handle func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil {
			defer r.Body.Close()
		}
		if err := handle(w, r); err != nil {
			status, text := describe(err)
			if status >= http.StatusInternalServerError {
				log.Printf("%s %s: %v", r.Method, r.URL.Path, err)
			}
			http.Error(w, text, status)
		}
	}
}

// describe gives an error its status. What the API server refuses is the caller's to mend.
func describe(err error) (int, string) {
	var own refusal
	if errors.As(err, &own) {
		return own.status, own.text
	}
	var api apierrors.APIStatus
	if errors.As(err, &api) {
		status := int(api.Status().Code)
		switch {
		case status == http.StatusUnprocessableEntity:
			return http.StatusBadRequest, api.Status().Message
		case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
			return status, api.Status().Message
		}
	}
	return http.StatusInternalServerError, err.Error()
}

func writeJSON(w http.ResponseWriter, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // nobody listens any more if this fails
	return nil
}

const longestRequest = 1 << 20

// readJSON reads a request of the system endpoints. Unknown keys are let pass, as OpenFaaS's own
// clients send some that only other providers know.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestRequest))
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return refuse(http.StatusRequestEntityTooLarge, "the request is longer than %d bytes", longestRequest)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "read the request: %v", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return refuse(http.StatusBadRequest, "the request is not the JSON that is expected: %v", err)
	}
	return nil
}
