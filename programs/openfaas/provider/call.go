package main

import (
	"context"
	"net/http"
	"time"
)

// call is one call of a function on its way.
type call struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	in       *namespace
	function string
	backend  *backend
	began    time.Time
	patience time.Duration
	timer    *time.Timer
	chosen   *endpoint
}

type callKey struct{}

func newCall(r *http.Request, in *namespace, function string, settings *settings) *call {
	ctx, cancel := context.WithCancelCause(r.Context())
	c := &call{
		cancel: cancel, in: in, function: function, backend: in.backends.of(function),
		began: time.Now(), patience: settings.patience,
	}
	c.ctx = context.WithValue(ctx, callKey{}, c)
	c.timer = time.AfterFunc(settings.upstream, func() { cancel(errTooSlow) })
	return c
}

// answered says that the function has begun to: how long the rest takes is not the proxy's matter.
func (c *call) answered() { c.timer.Stop() }

func (c *call) end() {
	c.timer.Stop()
	c.leave()
	c.cancel(nil)
}

// leave takes the call off the pod that it is with.
func (c *call) leave() {
	if c.chosen != nil {
		c.chosen.calls.Add(-1)
		c.chosen = nil
	}
}
