package main

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/openfaas/faas-provider/logs"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// logReader reads what a function's pods print, from the API server.
type logReader struct {
	client     kubernetes.Interface
	namespaces *namespaces
}

// lookForPods is how often a reader that follows looks for pods that are new.
const lookForPods = 250 * time.Millisecond

func newLogs(client kubernetes.Interface, namespaces *namespaces, settings *settings) http.HandlerFunc {
	reader := &logReader{client, namespaces}
	stream := logs.NewLogHandlerFunc(reader, settings.serving.WriteTimeout)
	return answer(func(w http.ResponseWriter, r *http.Request) error {
		// The SDK answers every error of a reader with 500.
		if err := reader.check(r); err != nil {
			return err
		}
		stream(w, r)
		return nil
	})
}

func (l *logReader) check(r *http.Request) error {
	query := r.URL.Query()
	name := query.Get("name")
	if name == "" {
		return refuse(http.StatusBadRequest, "name: the function's name is missing")
	}
	in, err := l.namespaces.find(r.Context(), query.Get("namespace"))
	if err == nil && in.function(name) == nil {
		err = unknown(name, in.name)
	}
	return err
}

// Query begins to read. The channel is closed when there is no more, or nobody listens any more.
func (l *logReader) Query(ctx context.Context, wanted logs.Request) (<-chan logs.Message, error) {
	in, err := l.namespaces.find(ctx, wanted.Namespace)
	if err != nil {
		return nil, err
	}
	query := &logQuery{client: l.client, in: in, wanted: wanted, messages: make(chan logs.Message, 64)}
	go func() {
		defer close(query.messages)
		if wanted.Follow {
			query.follow(ctx)
		} else {
			query.once(ctx)
		}
	}()
	return query.messages, nil
}

type logQuery struct {
	client   kubernetes.Interface
	in       *namespace
	wanted   logs.Request
	messages chan logs.Message
}

// once reads pod after pod, the oldest first.
func (q *logQuery) once(ctx context.Context) {
	for _, pod := range q.pods() {
		q.read(ctx, pod, q.wanted.Since, q.wanted.Tail)
	}
}

// follow reads all pods at once, also those that come, and containers that start anew in them.
func (q *logQuery) follow(ctx context.Context) {
	var readers sync.WaitGroup
	defer readers.Wait()
	began := map[string]bool{}
	first := true
	for {
		for _, pod := range q.pods() {
			container := pod.Status.ContainerStatuses[0]
			if began[container.ContainerID] {
				continue
			}
			began[container.ContainerID] = true
			since, tail := q.wanted.Since, q.wanted.Tail
			if !first && container.State.Running != nil {
				// What its container before it said was read.
				since, tail = &container.State.Running.StartedAt.Time, 0
			}
			readers.Go(func() { q.read(ctx, pod, since, tail) })
		}
		first = false
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookForPods):
		}
	}
}

// pods are those that have begun to run.
func (q *logQuery) pods() []*corev1.Pod {
	var begun []*corev1.Pod
	for _, pod := range q.in.podsOf(q.wanted.Name) {
		statuses := pod.Status.ContainerStatuses
		if (q.wanted.Instance == "" || q.wanted.Instance == pod.Name) &&
			len(statuses) > 0 && statuses[0].ContainerID != "" {
			begun = append(begun, pod)
		}
	}
	sort.Slice(begun, func(i, j int) bool {
		return begun[i].CreationTimestamp.Before(&begun[j].CreationTimestamp)
	})
	return begun
}

// read sends the lines of one pod. A pod that goes meanwhile has no more to say.
func (q *logQuery) read(ctx context.Context, pod *corev1.Pod, since *time.Time, tail int) {
	options := &corev1.PodLogOptions{
		Container: pod.Spec.Containers[0].Name, Timestamps: true, Follow: q.wanted.Follow,
	}
	if since != nil {
		options.SinceTime = &metav1.Time{Time: *since}
	}
	if tail > 0 {
		lines := int64(tail)
		options.TailLines = &lines
	}
	stream, err := q.client.CoreV1().Pods(q.in.name).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		return
	}
	defer stream.Close()
	lines := bufio.NewReaderSize(stream, 64<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 && !q.send(ctx, pod, string(line)) {
			return
		}
		// A line that is longer than the buffer comes in pieces.
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (q *logQuery) send(ctx context.Context, pod *corev1.Pod, line string) bool {
	at, text := splitLine(line)
	message := logs.Message{
		Name: q.wanted.Name, Namespace: q.in.name, Instance: pod.Name, Timestamp: at, Text: text,
	}
	select {
	case q.messages <- message:
		return true
	case <-ctx.Done():
		return false
	}
}

// splitLine takes the time off a line. A piece of a long line has none.
func splitLine(line string) (time.Time, string) {
	line = strings.TrimRight(line, "\n")
	stamp, text, _ := strings.Cut(line, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return time.Now(), line
	}
	return at, text
}
