package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// Bodies up to this size are read before they are passed on, so that they can be sent anew.
const smallBody = 64 << 10

// body is the body of a call, which may have to be sent to a second pod.
type body struct {
	small  []byte
	stream io.Reader
	read   atomic.Bool
	failed atomic.Pointer[error]
}

func newBody(r *http.Request) (*body, error) {
	switch {
	case r.Body == nil:
		return &body{}, nil
	case r.ContentLength > 0 && r.ContentLength <= smallBody:
		small := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, small)
		return &body{small: small}, err
	default:
		return &body{stream: r.Body}, nil
	}
}

// reader is what net/http is given for a method. It would send some calls anew of its own accord, those
// that it takes for harmless and that have no body. An empty body, with no way to get it again, keeps
// it from that, and is not sent.
func (b *body) reader(method string) io.ReadCloser {
	switch {
	case b.stream != nil:
		return io.NopCloser(b)
	case b.small != nil || method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions:
		return io.NopCloser(bytes.NewReader(b.small))
	default:
		return http.NoBody
	}
}

// Read passes the stream on, which the server closes when the call ends.
func (b *body) Read(into []byte) (int, error) {
	b.read.Store(true)
	n, err := b.stream.Read(into)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed.Store(&err)
	}
	return n, err
}

func (b *body) fresh() bool { return !b.read.Load() }

// broken is why the rest of it cannot be read.
func (b *body) broken() error {
	if failed := b.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}
