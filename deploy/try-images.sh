#!/usr/bin/env bash
# Tries the images and docker-compose.yml for real on a machine without Docker and without an image registry:
# builds the images, brings the stack up, makes README's call, kills each container in mid-load, and counts the rows.
#   deploy/try-images.sh [FOLDER]     FOLDER (/var/tmp/fhir-bucket-loader-images) keeps Debian and the stand-ins for the next time
# Needs root, debootstrap, Go, a checkout after `npm ci`, and mirrors of Debian's, npm's and Go's packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-/var/tmp/fhir-bucket-loader-images}
context=$folder/stand-ins
mkdir -p "$context"

# Debian, as the base of all three.
if [ ! -s "$context/debian.tar" ]; then
  rm -rf "$folder/debian"
  debootstrap --variant=minbase --include=ca-certificates forky "$folder/debian" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" \
    /usr/share/debootstrap/scripts/sid
  # A machine whose way to the package registries has a certificate of its own knows it.
  cp /etc/ssl/certs/ca-certificates.crt "$folder/debian/etc/ssl/certs/"
  tar -C "$folder/debian" -cf "$context/debian.tar.part" . && mv "$context/debian.tar.part" "$context/debian.tar"
fi

# Node and npm as they are on this machine, the S3 gateway of the version that the compose file names.
cp -L node_modules/.bin/node "$context/node"
rm -rf "$context/npm" && cp -rL "$(dirname "$(readlink -f "$(command -v npm)")")/.." "$context/npm"
gateway=$(sed -n 's|.*image: versity/versitygw:\(.*\)|\1|p' docker-compose.yml)
[ -s "$context/versitygw-$gateway" ] || {
  GOBIN=$context CGO_ENABLED=0 go install "github.com/versity/versitygw/cmd/versitygw@$gateway"
  mv "$context/versitygw" "$context/versitygw-$gateway"
}
cp "$context/versitygw-$gateway" "$context/versitygw"
cp deploy/try-images/stand-ins.Dockerfile deploy/try-images/postgres-entrypoint.sh "$context"

exec deploy/try-images/engine.sh "$folder" /src/deploy/try-images/trial.sh "$gateway"
