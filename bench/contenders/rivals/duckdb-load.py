"""Loads ndjson.gz files into an attached Postgres, a statement for each type. Its argument is the job as JSON."""

import json
import os
import sys

import duckdb

job = json.loads(sys.argv[1])
# Where the package duckdb-ext-postgres puts the extension, so that nothing is downloaded.
packages = os.path.dirname(os.path.dirname(duckdb.__file__))
database = duckdb.connect(
    config={"extension_directory": os.path.join(packages, "duckdb_ext", "extensions"), "threads": job["threads"]}
)
database.execute("load postgres")
database.execute(f"attach '{job['connection']}' as target (type postgres)")
for table, files in job["files"].items():
    database.execute(
        f"""insert into target.public.{table} (txid, status, id, resource)
            select 1, 'created', json ->> 'id', json_merge_patch(json, '{{"id": null, "resourceType": null}}')
              from read_ndjson_objects(?)""",
        [files],
    )
