#!/bin/sh
# The first process of the sandbox: prepares its mounts, then its network, then becomes the
# supervisor of its services. Everything made here goes when this process ends.
#
# Run in the node's folder, in new mount, pid, uts and ipc namespaces:
#   sandbox.sh mounts ARTIFACTS NAME
set -eu

mounts() {
    artifacts=$1 name=$2
    hostname "$name"
    resolv=$(realpath -m /etc/resolv.conf)
    # The way out, if there is one, asks the host's resolvers.
    cat "$resolv" >etc/host-resolv.conf 2>/dev/null || true

    # What the node writes goes to its own folder or to memory; the host's files are read-only.
    mount --bind "$artifacts" artifacts
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir /run/lab
    mount --rbind . /run/lab
    cd /run/lab
    mount -t tmpfs -o mode=755 tmpfs /var
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    mkdir -p /var/lib /var/log /var/cache /var/tmp /var/snap/microk8s/common/default-storage
    chmod 1777 /var/tmp
    ln -s /run /var/run
    mount --bind storage /var/snap/microk8s/common/default-storage
    pretend vm/overcommit_memory 1
    pretend vm/panic_on_oom 0
    pretend kernel/panic 10
    pretend kernel/panic_on_oops 1
    pretend kernel/keys/root_maxkeys 1000000
    pretend kernel/keys/root_maxbytes 25000000

    # A resolver of its own: lookups must not leak to the host's.
    case $resolv in
    /run/* | /var/*) mkdir -p "${resolv%/*}" && cp etc/resolv.conf "$resolv" ;;
    *) mount --bind etc/resolv.conf "$resolv" ;;
    esac
    mount -o remount,bind,ro / 2>/dev/null || echo "the root file system stays writable here"
    # Volumes that pods mount are to be seen by other pods.
    mount --make-rshared /

    touch /run/host.net /run/node.net
    mount --make-private --bind /proc/self/ns/net /run/host.net
    exec unshare --net sh etc/sandbox.sh network
}

# The kubelet insists on some settings of the whole machine. It gets to see them as it wants them;
# the machine keeps its own.
pretend() {
    shown=/run/sysctl-$(echo "$1" | tr / -)
    echo "$2" >"$shown"
    mount --bind "$shown" "/proc/sys/$1"
}

network() {
    mount --make-private --bind /proc/self/ns/net /run/node.net
    ip link set lo up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    [ ! -d /proc/sys/net/ipv6 ] || echo 0 >/proc/sys/net/ipv6/conf/default/accept_ra
    # A packet to a Service that has no rule yet must go nowhere, not out.
    ip link add services type bridge
    ip link set services up
    ip route add 10.152.183.0/24 dev services
    exec runsvdir -P services
}

"$@"
