package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/gorilla/mux"
)

// methods are those that OpenFaaS's SDK passes on.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodOptions,
}

// proxy passes calls on to functions.
type proxy struct {
	namespaces *namespaces
	settings   *settings
	reverse    *httputil.ReverseProxy
}

func newProxy(namespaces *namespaces, settings *settings) *proxy {
	return &proxy{namespaces, settings, &httputil.ReverseProxy{
		Rewrite:       rewrite,
		Transport:     newTransport(settings),
		FlushInterval: -1, // what a function says bit by bit arrives bit by bit
		ErrorHandler:  answerFailure,
		ErrorLog:      log.New(io.Discard, "", 0), // of callers who went away
		BufferPool:    &buffers{},
	}}
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		answerError(w, http.StatusMethodNotAllowed, "functions are not called with "+r.Method)
		return
	}
	call, err := p.begin(r)
	if err != nil {
		answerFailure(w, r, err)
		return
	}
	defer call.end()
	p.reverse.ServeHTTP(w, r.WithContext(call.ctx))
}

// begin finds the function that is called.
func (p *proxy) begin(r *http.Request) (*call, error) {
	name, namespace := splitName(mux.Vars(r)["name"])
	namespace = cmp.Or(namespace, p.namespaces.fallback)
	in := p.namespaces.known(namespace)
	if in == nil {
		return nil, unknown(name, namespace)
	}
	if err := in.await(r.Context(), p.settings.patience); err != nil {
		return nil, err
	}
	if in.function(name) == nil {
		return nil, unknown(name, namespace)
	}
	return newCall(r, in, name, p.settings), nil
}

// splitName takes NAME.NAMESPACE apart. A name has no dots.
func splitName(called string) (name, namespace string) {
	if at := strings.LastIndexByte(called, '.'); at >= 0 {
		return called[:at], called[at+1:]
	}
	return called, ""
}

// rewrite makes the function's request of the caller's. Who the caller is, the gateway knows.
func rewrite(r *httputil.ProxyRequest) {
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.In.URL.EscapedPath(), "/function/"), "/")
	r.Out.URL.Scheme = "http"
	r.Out.URL.Host = "function" // the transport knows better
	r.Out.Host = ""
	// As it came, encoded slashes and all.
	r.Out.URL.RawPath = "/" + rest
	r.Out.URL.Path, _ = url.PathUnescape(r.Out.URL.RawPath)
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if said := r.In.Header.Values(name); len(said) > 0 {
			r.Out.Header[name] = said
		}
	}
	if r.In.Header.Get("X-Forwarded-Host") == "" {
		r.Out.Header.Set("X-Forwarded-Host", r.In.Host)
	}
	if r.In.Header.Get("X-Forwarded-For") == "" {
		r.Out.Header.Set("X-Forwarded-For", r.In.RemoteAddr)
	}
}

// answerFailure answers a call that no function answered.
func answerFailure(w http.ResponseWriter, r *http.Request, err error) {
	var own refusal
	switch {
	case errors.As(err, &own):
		answerError(w, own.status, own.text)
	case errors.Is(context.Cause(r.Context()), errTooSlow):
		answerError(w, http.StatusGatewayTimeout, errTooSlow.Error())
	case r.Context().Err() != nil:
		// The caller has gone: nobody reads this.
		answerError(w, http.StatusBadGateway, "the caller did not wait for the answer")
	default:
		log.Printf("call: %s %s: %v", r.Method, r.URL.Path, err)
		answerError(w, http.StatusBadGateway, "the function's pod broke off: "+err.Error())
	}
}

// answerError tells apart, as OpenFaaS does, what the proxy says and what a function says.
func answerError(w http.ResponseWriter, status int, text string) {
	w.Header().Set("X-OpenFaaS-Internal", "proxy")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
}

var errTooSlow = errors.New("the function did not begin to answer in time")

// buffers are used again: a call needs one to copy the answer.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if kept, ok := b.pool.Get().(*[]byte); ok {
		return *kept
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(used []byte) { b.pool.Put(&used) }
