package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func ask(t *testing.T, method, url, body string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", "192.0.2.7")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

func TestACallArrivesAsItWasMade(t *testing.T) {
	stage := newStage(t, time.Second, time.Second)
	stage.pods.set([]string{pod(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Said", r.Header.Get("X-Forwarded-For"))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
	})})
	for path, arrived := range map[string]string{
		"/function/hello":                      "/",
		"/function/hello?a=1;b":                "/?a=1;b",
		"/function/hello.functions/x":          "/x",
		"/function/hello/a%2Fb//c/../d%20e?q=": "/a%2Fb//c/../d%20e?q=",
	} {
		status, header, text := ask(t, http.MethodPut, stage.URL+path, "the body")
		if status != http.StatusTeapot || text != "PUT "+arrived+" the body" {
			t.Errorf("%s: got %d %q", path, status, text)
		}
		if header.Get("X-Said") != "192.0.2.7" || header.Get("X-OpenFaaS-Internal") != "" {
			t.Errorf("%s: got headers %v", path, header)
		}
	}
}

func TestAPodThatHasGoneIsPassedOver(t *testing.T) {
	stage := newStage(t, time.Second, time.Second)
	var calls atomic.Int64
	stage.pods.set([]string{gone(t), pod(t, func(_ http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
	}), gone(t)})
	big := strings.Repeat("x", 3*smallBody)
	for i, body := range []string{"", "small", big, "", "small", big} {
		if status, _, text := ask(t, http.MethodPost, stage.URL+"/function/hello", body); status != http.StatusOK {
			t.Errorf("call %d: got %d %s", i, status, text)
		}
	}
	if calls.Load() != 6 {
		t.Errorf("6 calls arrived as %d", calls.Load())
	}
}

func TestACallThatWasSentIsNotSentAgain(t *testing.T) {
	stage := newStage(t, time.Second, 5*time.Second)
	var calls atomic.Int64
	address := pod(t, func(w http.ResponseWriter, r *http.Request) {
		if _, _ = io.Copy(io.Discard, r.Body); r.URL.Path == "/fine" {
			return
		}
		calls.Add(1)
		conn, _, _ := w.(http.Hijacker).Hijack()
		_ = conn.Close()
	})
	stage.pods.set([]string{address})
	for _, method := range methods {
		calls.Store(0)
		// So that a connection is there to be used again: net/http trusts those less.
		if status, _, _ := ask(t, http.MethodGet, stage.URL+"/function/hello/fine", ""); status != http.StatusOK {
			t.Fatalf("got %d", status)
		}
		status, header, _ := ask(t, method, stage.URL+"/function/hello", "")
		if status != http.StatusBadGateway || header.Get("X-OpenFaaS-Internal") != "proxy" {
			t.Errorf("%s: got %d %v", method, status, header)
		}
		if calls.Load() != 1 {
			t.Errorf("%s was sent %d times", method, calls.Load())
		}
	}
}

func TestACallWaitsForAPod(t *testing.T) {
	stage := newStage(t, 5*time.Second, 5*time.Second)
	address := pod(t, func(http.ResponseWriter, *http.Request) {})
	stage.pods.set([]string{gone(t)})
	time.AfterFunc(300*time.Millisecond, func() { stage.pods.set([]string{address}) })
	if status, _, text := ask(t, http.MethodPost, stage.URL+"/function/hello", "x"); status != http.StatusOK {
		t.Errorf("got %d %s", status, text)
	}
}

func TestAPodIsCalledAsSoonAsItSaysThatItIsReady(t *testing.T) {
	asked := 0
	address := pod(t, func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	if isReady(gone(t)) || isReady(address) || isReady(address) || !isReady(address) {
		t.Error("it is ready when it is asked for the third time")
	}
	b := &backend{changed: make(chan struct{})}
	_, changed := b.pick(nil)
	b.add(address)
	b.add(address)
	<-changed
	if len(b.ready) != 1 {
		t.Errorf("it is there %d times", len(b.ready))
	}
	if b.set(nil); len(b.ready) != 0 {
		t.Error("it is kept although it has gone")
	}
}

func TestWhatIsNotAnsweredHasAReason(t *testing.T) {
	stage := newStage(t, 100*time.Millisecond, 300*time.Millisecond)
	for _, each := range []struct {
		method, path string
		status       int
		text         string
	}{
		{http.MethodGet, "/function/hello", http.StatusServiceUnavailable, "no pod of function hello"},
		{http.MethodGet, "/function/none", http.StatusNotFound, "no function none"},
		{http.MethodGet, "/function/hello.elsewhere", http.StatusNotFound, "namespace elsewhere"},
		{"BREW", "/function/hello", http.StatusMethodNotAllowed, "BREW"},
	} {
		status, header, text := ask(t, each.method, stage.URL+each.path, "")
		if status != each.status || !strings.Contains(text, `{"error":`) || !strings.Contains(text, each.text) {
			t.Errorf("%s %s: got %d %s", each.method, each.path, status, text)
		}
		if header.Get("X-OpenFaaS-Internal") != "proxy" {
			t.Errorf("%s %s: got headers %v", each.method, each.path, header)
		}
	}
	stage.pods.set([]string{gone(t)})
	if status, _, text := ask(t, http.MethodGet, stage.URL+"/function/hello", ""); status != http.StatusServiceUnavailable {
		t.Errorf("a pod that is never there: got %d %s", status, text)
	}
	stage.pods.set([]string{pod(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })})
	if status, _, text := ask(t, http.MethodGet, stage.URL+"/function/hello", ""); status != http.StatusGatewayTimeout {
		t.Errorf("a function that does not answer: got %d %s", status, text)
	}
}

func TestAnAnswerArrivesAsItIsGiven(t *testing.T) {
	stage := newStage(t, time.Second, time.Second)
	more := make(chan string)
	stage.pods.set([]string{pod(t, func(w http.ResponseWriter, _ *http.Request) {
		for line := range more {
			fmt.Fprintln(w, line)
			_ = http.NewResponseController(w).Flush()
		}
	})})
	go func() { more <- "one" }()
	response, err := http.Get(stage.URL + "/function/hello")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for _, next := range []string{"two", "three"} {
		if !lines.Scan() {
			t.Fatal("there is no line")
		}
		more <- next
	}
	close(more)
	if !lines.Scan() || lines.Text() != "three" {
		t.Errorf("got %q", lines.Text())
	}
}

func TestABodyArrivesAsItIsSent(t *testing.T) {
	stage := newStage(t, time.Second, 5*time.Second)
	heard := make(chan string)
	stage.pods.set([]string{pod(t, func(_ http.ResponseWriter, r *http.Request) {
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			heard <- lines.Text()
		}
	})})
	body, say := io.Pipe()
	go func() {
		defer say.Close()
		for _, line := range []string{"one", "two"} {
			fmt.Fprintln(say, line)
			if got := <-heard; got != line {
				t.Errorf("got %q", got)
			}
		}
	}()
	response, err := http.Post(stage.URL+"/function/hello", "text/plain", body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("got %v %v", response, err)
	}
	_ = response.Body.Close()
}

func TestABodyThatBreaksOffIsTheCallers(t *testing.T) {
	stage := newStage(t, time.Second, time.Second)
	stage.pods.set([]string{pod(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})})
	conn, err := net.Dial("tcp", stage.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /function/hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusBadRequest {
		t.Errorf("got %v %v", response, err)
	}
}

func TestAConnectionCanBeUpgraded(t *testing.T) {
	stage := newStage(t, time.Second, time.Second)
	stage.pods.set([]string{pod(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, both, _ := w.(http.Hijacker).Hijack()
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := both.ReadBytes('\n')
		_, _ = conn.Write(bytes.ToUpper(line))
	})})
	conn, err := net.Dial("tcp", stage.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /function/hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	both := bufio.NewReader(conn)
	response, err := http.ReadResponse(both, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v %v", response, err)
	}
	fmt.Fprintln(conn, "hello")
	if said, _ := both.ReadString('\n'); said != "HELLO\n" {
		t.Errorf("got %q", said)
	}
}
