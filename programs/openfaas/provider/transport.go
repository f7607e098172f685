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
	avoid := map[string]bool{}
	for {
		if err := call.choose(r.Context(), avoid); err != nil {
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
