#!/bin/sh
# Fills a container runtime's store with images, so that clusters can begin with a copy of it.
# usage, in mount and pid namespaces of its own: fill-image-store.sh STORE ARCHIVE…
set -eu
store=$1
shift
mount -t tmpfs tmpfs /run
cat >/run/containerd.toml <<END
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[plugins."io.containerd.internal.v1.opt"]
path = "/run/opt"
END
ctr() { command ctr --address /run/containerd.sock --namespace k8s.io "$@"; }

containerd --config /run/containerd.toml --log-level warn --root "$store" --state /run/state \
    --address /run/containerd.sock &
server=$!
until ctr version >/dev/null 2>&1; do
    kill -0 "$server" # set -e: stop waiting for a server that has gone
done
for archive; do
    ctr images import "$archive"
done
kill "$server"
wait "$server"
