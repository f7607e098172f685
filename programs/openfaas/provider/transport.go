package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

const (
	// Shorter than servers keep an idle connection, or a call could meet its end.
	idleConnection = 3 * time.Second
	dialTimeout    = time.Second
	// How long a call waits before it tries pods again that did not take it.
	breather = 20 * time.Millisecond
)

// transport sends a call to one of the function's pods. Where a pod does not take the call, because
// it has just gone or not quite come, it tries another one, as long as nothing of the call was sent:
// a call is never sent twice.
type transport struct{ base http.RoundTripper }

func newTransport(settings *settings) *transport {
	dialer := net.Dialer{Timeout: dialTimeout}
	return &transport{&http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &countedConn{Conn: conn}, nil
		},
		MaxIdleConns:          settings.serving.GetMaxIdleConns(),
		MaxIdleConnsPerHost:   settings.serving.GetMaxIdleConnsPerHost(),
		IdleConnTimeout:       idleConnection,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
	}}
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	call, ok := r.Context().Value(callKey{}).(*call)
	if !ok {
		return nil, errors.New("a request without a call")
	}
	body, err := newBody(r)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "read the body of the call: %v", err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), call.patience)
	defer cancel()
	avoid := map[string]bool{}
	for {
		if err := call.choose(ctx, avoid); err != nil {
			return nil, err
		}
		response, sent, err := t.try(r, call.chosen.address, body)
		switch {
		case err == nil:
			call.answered()
			return response, nil
		case body.broken() != nil:
			return nil, refuse(http.StatusBadRequest, "read the body of the call: %v", body.broken())
		case sent || !body.fresh() || r.Context().Err() != nil:
			return nil, err
		}
		avoid[call.chosen.address] = true
		call.leave()
	}
}

// choose waits for a pod that takes calls. When all were tried, all are tried again after a breather:
// one whose container starts anew is the same pod.
func (c *call) choose(ctx context.Context, avoid map[string]bool) error {
	for {
		chosen, changed := c.backend.pick(avoid)
		if chosen != nil {
			c.chosen = chosen
			return nil
		}
		var again <-chan time.Time
		if len(avoid) > 0 {
			again = time.After(breather)
		}
		select {
		case <-changed:
		case <-again:
			clear(avoid)
		case <-ctx.Done():
			if c.ctx.Err() != nil {
				return context.Cause(c.ctx)
			}
			return refuse(http.StatusServiceUnavailable,
				"no pod of function %s took the call within %s", c.function, c.patience)
		}
	}
}

// try sends the call to one pod, and says whether any of it was sent.
func (t *transport) try(r *http.Request, address string, body *body) (*http.Response, bool, error) {
	var conn *countedConn
	var before int64
	trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if conn, _ = got.Conn.(*countedConn); conn != nil {
			before = conn.written.Load()
		}
	}}
	to := r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
	url := *r.URL
	url.Host = address
	to.URL = &url
	to.Body = body.reader(r.Method)
	response, err := t.base.RoundTrip(to)
	return response, conn != nil && conn.written.Load() != before, err
}

// countedConn counts what was sent.
type countedConn struct {
	net.Conn
	written atomic.Int64
}

func (c *countedConn) Write(text []byte) (int, error) {
	n, err := c.Conn.Write(text)
	c.written.Add(int64(n))
	return n, err
}

// CloseWrite is for upgraded connections, where either end may have said all it has to say.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}
