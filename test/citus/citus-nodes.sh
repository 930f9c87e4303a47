#!/bin/sh
# A Citus of one coordinator and two workers on this machine, for TEST_CITUS_URL and TEST_CITUS_RESTART; in FOLDER alone.
#   citus-nodes.sh build FOLDER SOURCES   Citus' sources against Debian's Postgres 15 (postgresql-server-dev-15); installs into a copy of it
#   citus-nodes.sh start FOLDER           ports CITUS_PORT (9700) and the two after it; prints what to export
#   citus-nodes.sh restart FOLDER NODE    at once (immediate), losing what it is at: 0 is the coordinator
#   citus-nodes.sh kill FOLDER NODE       kill -9 of all its processes, as if its machine was lost, and its start
#   citus-nodes.sh stop FOLDER
set -eu
command=$1
folder=$2
installed=/usr/lib/postgresql/15
bin=$folder/pg$installed/bin
share=/usr/share/postgresql/15
first=${CITUS_PORT:-9700}

# Postgres does not run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups "$@"; else "$@"; fi; }
control() {
  node=$1
  shift
  as_postgres "$bin/pg_ctl" -s -w -t 60 -D "$folder/node-$node" -l "$folder/node-$node.log" "$@"
}
sql() { "$bin/psql" -qAtX -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$((first + $1))" -U postgres -c "$2"; }

case $command in
build)
  mkdir -p "$folder/pg$installed" "$folder/pg$share"
  cp -a "$installed/." "$folder/pg$installed"
  cp -aL "$share/." "$folder/pg$share"
  cd "$3"
  # Postgres 15.14 and later export this function themselves; Citus 13.2.2 has one of its own, static, for 15.
  sed -i 's/^have_createdb_privilege(void)/citus_have_createdb_privilege(void)/' src/include/pg_version_compat.h
  PG_CONFIG=$installed/bin/pg_config ./configure --without-libcurl
  make -j"$(nproc)"
  make install DESTDIR="$folder/pg"
  ;;
start)
  for node in 0 1 2; do
    data=$folder/node-$node
    if [ ! -d "$data" ]; then
      mkdir -p "$data"
      touch "$data.log"
      if [ "$(id -u)" = 0 ]; then chown postgres "$data" "$data.log"; fi
      as_postgres "$bin/initdb" -D "$data" -U postgres -A trust --locale=C -E UTF8 >/dev/null
      cat >>"$data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $((first + node))
unix_socket_directories = ''
shared_preload_libraries = 'citus'
max_prepared_transactions = 200
max_connections = 300
default_toast_compression = lz4
lc_messages = 'C'
citus.node_conninfo = 'sslmode=disable'
END
    fi
    control "$node" start
    sql "$node" 'create extension if not exists citus'
  done
  if [ "$(sql 0 'select count(*) from pg_dist_node')" = 0 ]; then
    sql 0 "select citus_set_coordinator_host('127.0.0.1', $first)"
    for node in 1 2; do sql 0 "select citus_add_node('127.0.0.1', $((first + node)))"; done
  fi >/dev/null
  echo "export TEST_CITUS_URL=postgres://postgres@127.0.0.1:$first/postgres TEST_CITUS_RESTART='sh $(realpath "$0") restart $folder'"
  ;;
restart)
  control "$3" restart -m immediate
  ;;
kill)
  postmaster=$(head -1 "$folder/node-$3/postmaster.pid")
  processes="$postmaster $(pgrep -P "$postmaster" | tr '\n' ' ')"
  # shellcheck disable=SC2086 # Each is a word.
  kill -9 $processes || true
  # One that nobody waits for stays, as Z, and has the pid in this file.
  while ps -o stat= -p "$(echo $processes | tr ' ' ,)" | grep -q '^[^Z]'; do sleep 0.05; done
  rm -f "$folder/node-$3/postmaster.pid"
  control "$3" start
  ;;
stop)
  for node in 0 1 2; do control "$node" stop -m fast; done
  ;;
*)
  echo "build, start, restart, kill or stop; not $command" >&2
  exit 2
  ;;
esac
