# Stand-ins for the three images that docker-compose.yml and the Dockerfile name, for machines that reach no image registry:
# Debian by debootstrap (`stand-in-debian`), Node and npm from npm, Postgres from Debian, versitygw from the Go proxy.
FROM stand-in-debian AS node
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --uid 1000 --user-group --create-home node
# For a machine whose way to the package registries has a certificate of its own.
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt

# A mirror may stand still for longer than a testing release is valid.
FROM stand-in-debian AS postgres
RUN apt-get update -qq -o Acquire::Check-Valid-Until=false && apt-get install -y -qq --no-install-recommends postgresql-18 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/*
COPY postgres-entrypoint.sh /usr/local/bin/
ENV PATH=/usr/lib/postgresql/18/bin:$PATH
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres-entrypoint.sh"]
CMD ["postgres"]

FROM stand-in-debian AS versitygw
RUN apt-get update -qq -o Acquire::Check-Valid-Until=false && apt-get install -y -qq --no-install-recommends wget && rm -rf /var/lib/apt/lists/*
COPY versitygw /usr/local/bin/versitygw
ENTRYPOINT ["versitygw"]
