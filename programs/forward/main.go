// Forward passes TCP connections on: forward 127.0.0.1:8080=10.153.0.2:8080 listens on the
// address left of each equals sign and connects to the one right of it.
//
// The library does the copying. It passes a closed sending side on to the other end, and on
// Linux the bytes go from socket to socket inside the kernel.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/inetaf/tcpproxy"
)

func main() {
	log.SetFlags(0)
	proxy, err := parse(os.Args[1:])
	if err != nil {
		log.Printf("forward: %v", err)
		log.Print("usage: forward LISTEN=TARGET [LISTEN=TARGET ...]")
		os.Exit(2)
	}
	// There is nothing to tidy up at the end, so SIGTERM keeps its default action.
	if err := proxy.Run(); err != nil {
		log.Printf("forward: %v", err)
		os.Exit(1)
	}
}

func parse(args []string) (*tcpproxy.Proxy, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("no addresses given")
	}
	proxy := new(tcpproxy.Proxy)
	seen := make(map[string]bool)
	for _, arg := range args {
		listen, target, found := strings.Cut(arg, "=")
		if !found {
			return nil, fmt.Errorf("%q is not of the form LISTEN=TARGET", arg)
		}
		if _, err := checkAddress(listen); err != nil {
			return nil, err
		}
		host, err := checkAddress(target)
		if err != nil {
			return nil, err
		}
		if host == "" {
			return nil, fmt.Errorf("target %q has no host", target)
		}
		// The library would keep both and only ever use the first.
		if seen[listen] {
			return nil, fmt.Errorf("%s is listened on twice", listen)
		}
		seen[listen] = true
		proxy.AddRoute(listen, tcpproxy.To(target))
	}
	return proxy, nil
}

func checkAddress(address string) (host string, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("%q is not of the form HOST:PORT", address)
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return "", fmt.Errorf("%q has no port from 1 to 65535", address)
	}
	return host, nil
}
