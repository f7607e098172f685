// Forward passes TCP connections on: forward 127.0.0.1:8080=10.153.0.2:8080 listens on the
// address left of the equals sign and connects to the one right of it.
//
// The library does the copying. When one end stops sending, it tells the other end and keeps
// the way back open; and on Linux the bytes go from socket to socket inside the kernel.
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
	log.SetPrefix("forward: ")
	proxy, err := parse(os.Args[1:])
	if err != nil {
		log.Print(err)
		os.Exit(2)
	}
	// There is nothing to tidy up at the end, so SIGTERM keeps its default action.
	log.Fatal(proxy.Run())
}

func parse(args []string) (*tcpproxy.Proxy, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("usage: forward LISTEN=TARGET [LISTEN=TARGET ...]")
	}
	proxy := new(tcpproxy.Proxy)
	seen := make(map[string]bool)
	for _, arg := range args {
		listen, target, _ := strings.Cut(arg, "=")
		if !isAddress(listen) || !isAddress(target) {
			return nil, fmt.Errorf("%q is not LISTEN=TARGET, each of them HOST:PORT", arg)
		}
		// The library would take a second target and never use it.
		if seen[listen] {
			return nil, fmt.Errorf("%s is given two targets", listen)
		}
		seen[listen] = true
		proxy.AddRoute(listen, tcpproxy.To(target))
	}
	return proxy, nil
}

func isAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}
