#!/usr/bin/env bash
# Runs a command beside a Docker engine of its own, which is gone at the end with everything that it ran.
#   engine.sh FOLDER COMMAND...
# For machines without Docker and without an image registry: the engine is Debian's, in a root folder that debootstrap
# makes in FOLDER/engine, once. There the checkout is at /src and FOLDER/stand-ins at /stand-ins. What the engine does to the
# machine's network (bridges, packet filter, forwarding) is undone at the end. Needs root, debootstrap and a Debian mirror.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1
shift
engine=$folder/engine

if [ "${IN_OWN_NAMESPACE:-}" != yes ]; then
  [ "$(id -u)" = 0 ] || { echo 'engine.sh needs root' >&2; exit 1; }
  if [ ! -e "$folder/engine.complete" ]; then
    # forky: the first Debian release with Postgres 18 and with an engine that knows `start_interval`.
    rm -rf "$engine" && mkdir -p "$folder"
    debootstrap --variant=minbase \
      --include=docker.io,docker-cli,docker-compose,docker-buildx,iptables,iproute2,ca-certificates,curl,procps \
      forky "$engine" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" /usr/share/debootstrap/scripts/sid
    touch "$folder/engine.complete"
  fi
  # The mounts vanish with this namespace; the engine stops its containers when it ends.
  IN_OWN_NAMESPACE=yes exec unshare --mount --propagation private "${BASH_SOURCE[0]}" "$folder" "$@"
fi

mkdir -p "$engine/src" "$engine/stand-ins" "$engine/outside"
mount --bind "$engine" "$engine"
mount -t proc proc "$engine/proc"
mount --rbind /sys "$engine/sys"
mount --rbind /dev "$engine/dev"
mount -t tmpfs tmpfs "$engine/run"
mount -t tmpfs tmpfs "$engine/tmp"
mount --bind "$here/../.." "$engine/src"
mount --bind "$folder/stand-ins" "$engine/stand-ins"
cp /etc/resolv.conf "$engine/etc/resolv.conf"
# A machine whose way to the package registries has a certificate of its own knows it.
cp /etc/ssl/certs/ca-certificates.crt "$engine/etc/ssl/certs/ca-certificates.crt"

# Not chroot: `docker exec` enters the root of the namespace, which must then be the container's.
cd "$engine"
pivot_root . outside
cd /
umount --lazy /outside

# A root folder of an earlier version of this script has no iproute2.
command -v ip > /dev/null || { echo "$folder/engine has no iproute2: remove $folder/engine.complete" >&2; exit 1; }
bridges() { ip -brief link show type bridge | cut -d ' ' -f 1; }
before_bridges=$(bridges)
before_forwarding=$(sysctl -n net.ipv4.ip_forward)
before_iptables=$(iptables-save)
before_ip6tables=$(ip6tables-save)

# Puts a packet filter's tables back as they were; one that was not there becomes empty.
restore_filter() {
  local now table
  now=$("$1-save")
  for table in $(sed -n 's/^\*//p' <<< "$now"); do
    if grep -qx "\*$table" <<< "$2"; then
      sed -n "/^\*$table\$/,/^COMMIT\$/p" <<< "$2" | "$1-restore"
    else
      sed -n "/^\*$table\$/,/^COMMIT\$/p" <<< "$now" | sed -n 's/^\(:[^ ]*\) \(ACCEPT\|DROP\) .*/\1 ACCEPT/p; /^[*C]/p' | "$1-restore"
    fi
  done
}
undo_network() {
  local bridge
  for bridge in $(bridges); do
    grep -qx "$bridge" <<< "$before_bridges" || ip link delete "$bridge"
  done
  restore_filter iptables "$before_iptables"
  restore_filter ip6tables "$before_ip6tables"
  sysctl -q -w "net.ipv4.ip_forward=$before_forwarding"
}

dockerd > /var/log/dockerd.log 2>&1 &
dockerd=$!
trap 'kill "$dockerd"; wait "$dockerd" || true; undo_network' EXIT
for _ in $(seq 60); do
  docker info > /dev/null 2>&1 && break
  kill -0 "$dockerd" || { tail /var/log/dockerd.log >&2; exit 1; }
  sleep 1
done
"$@"
