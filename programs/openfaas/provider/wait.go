package main

import (
	"context"
	"log"
	"net"
	"time"
)

// waitFor is for containers that must not start before another server does: provider wait HOST:PORT.
func waitFor(ctx context.Context, address string) {
	dialer := net.Dialer{Timeout: time.Second}
	said := ""
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if text := err.Error(); text != said {
			log.Printf("wait for %s: %s", address, text)
			said = text
		}
		select {
		case <-ctx.Done():
			log.Fatalf("%s did not answer", address)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
