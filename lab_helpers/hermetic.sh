#!/bin/sh
# Runs a program that insists on writing under /etc and /var/lib, in a mount namespace where what
# it writes there goes to memory and is gone with it. The cache stays what it is, wherever it is.
# usage: unshare --mount hermetic.sh CACHE PROGRAM [ARGUMENT…]
set -eu
cache=$1
shift
cd "$cache"
mkdir -p overlay
mount -t tmpfs tmpfs overlay
for folder in etc var/lib; do
    mkdir -p "overlay/$folder/upper" "overlay/$folder/work"
    (cd "overlay/$folder" && mount -t overlay overlay \
        -o "lowerdir=/$folder,upperdir=upper,workdir=work" "/$folder")
done
mount --bind . "$cache"
cd "$cache"
exec "$@"
