"""Loads ndjson.gz files with dlt's filesystem source into tables of its own. Its argument is the job as JSON."""

import json
import sys
import tempfile

import dlt
from dlt.sources.filesystem import filesystem, read_jsonl

job = json.loads(sys.argv[1])
resources = []
for table, pattern in job["tables"].items():
    files = filesystem(bucket_url=job["folder"], file_glob=pattern) | read_jsonl()
    # Nested lists as a JSON column, not as tables of their own.
    files.max_table_nesting = 0
    resources.append(files.with_name(table))
with tempfile.TemporaryDirectory(prefix="bench-dlt-") as state:
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.postgres(job["url"]),
        dataset_name=job["schema"],
        pipelines_dir=state,
    )
    pipeline.run(resources, write_disposition="append").raise_on_failed_jobs()
