#!/bin/sh
# What the official image's entrypoint does for docker-compose.yml, and no more: makes a cluster and a database from
# POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB in an empty volume, then runs the command as the user postgres.
set -eu
export PGDATA=/var/lib/postgresql/18/docker PATH=/usr/lib/postgresql/18/bin:$PATH
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  install -d -o postgres -g postgres -m 700 "$PGDATA"
  printf %s "$POSTGRES_PASSWORD" > /tmp/password
  chown postgres /tmp/password
  setpriv --reuid postgres --regid postgres --clear-groups initdb --username="$POSTGRES_USER" --pwfile=/tmp/password \
    --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8
  rm /tmp/password
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  # On a socket only, as there: a health check by TCP must not see this one.
  setpriv --reuid postgres --regid postgres --clear-groups pg_ctl start --wait --options="-c listen_addresses=''"
  createdb --host=/var/run/postgresql --username="$POSTGRES_USER" "$POSTGRES_DB"
  setpriv --reuid postgres --regid postgres --clear-groups pg_ctl stop --wait
fi
exec setpriv --reuid postgres --regid postgres --clear-groups "$@"
