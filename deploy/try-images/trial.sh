#!/usr/bin/env bash
# What try-images.sh does beside the engine: stand-in images, the stack, a load, kills, a restart. Ends with 0 if every
# resource is in Postgres exactly once after each of them.
#   trial.sh VERSION-OF-THE-S3-GATEWAY
set -Eeuo pipefail
cd /src
export COMPOSE_PROGRESS=plain COMPOSE_ANSI=never
say() { printf '\n--- %s\n' "$*"; }

docker image inspect stand-in-debian > /dev/null 2>&1 || docker import /stand-ins/debian.tar stand-in-debian > /dev/null
stand_in() { docker build --quiet --file /stand-ins/stand-ins.Dockerfile --target "$1" --tag "$2" /stand-ins; }
stand_in node node:24-slim
stand_in postgres postgres:18
stand_in versitygw "versity/versitygw:$1"

trap 'docker compose logs --tail 40; docker compose down --volumes --timeout 5' ERR

say 'docker compose up, from nothing'
docker compose down --volumes --timeout 5 2> /dev/null
time docker compose up --build --detach --wait loader
docker compose ps --all --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}'

expected=20000
rpc() { curl --fail-with-body --silent --show-error --user root:secret http://127.0.0.1:8888/rpc --json "$1"; echo; }
load() {
  rpc '{"method": "aidbox.bulk/load-from-bucket", "params": {"bucket": "s3://fhir-demo", "upsert?": true, "account": {
    "access-key-id": "loader", "secret-access-key": "loader-secret", "region": "us-east-1", "host": "http://s3:7070"}}}'
}
status() { rpc '{"method": "aidbox.bulk/load-from-bucket-status", "params": {"bucket": "s3://fhir-demo"}}'; }
psql() { docker compose exec -T postgres psql -U loader -d fhir -At -c "$1"; }

# Waits until the load has ended, and asks that it is complete.
until_completed() {
  for _ in $(seq 120); do
    answer=$(status || true)
    case $answer in
      *'"state":"completed"'*) echo "$answer"; return ;;
      # Only the process that was called has the credentials: when that one was killed, the call is made again.
      *'"state":"interrupted"'*) echo "$answer"; [ "${1:-}" = call-again ] && load ;;
    esac
    sleep 1
  done
  echo "not completed: $answer"; return 1
}

# Counts all resources by SQL, in the tables of the types that were loaded.
count() {
  local tables sum
  tables=$(psql "select string_agg(format('select id from %I', lower(t)), ' union all ') from (select distinct resource->>'type' t from loaderfile) x")
  sum=$(psql "select count(*) from ($tables) r")
  echo "resources in Postgres: $sum"
  [ "$sum" = "$expected" ]
}

say "README's call"
load
until_completed
count
docker compose exec loader fhir-bucket-loader status

for service in loader postgres s3; do
  say "kill -9 of $service in mid-load"
  curl --fail --silent --user root:secret --output /dev/null -X DELETE -H 'x-conditional-delete: remove-all' 'http://127.0.0.1:8888/LoaderFile?bucket=s3://fhir-demo'
  load
  before=$(docker inspect --format '{{.State.Pid}}' "$(docker compose ps --quiet "$service")")
  kill -9 "$before"
  status || true
  # The restart policy brings it back; a container that the engine itself was told to kill would stay down.
  for _ in $(seq 60); do
    after=$(docker inspect --format '{{.State.Pid}}' "$(docker compose ps --all --quiet "$service")")
    [ "$after" != 0 ] && [ "$after" != "$before" ] && break
    sleep 1
  done
  docker compose up --detach --wait --no-recreate "$service" loader 2> /dev/null
  docker compose ps --format 'table {{.Service}}\t{{.Status}}' "$service"
  if [ "$service" = loader ]; then until_completed call-again; else until_completed; fi
  count
done

say 'docker compose restart'
docker compose restart
docker compose up --detach --wait loader
until_completed
count

docker compose down --volumes
say 'all of it held'
