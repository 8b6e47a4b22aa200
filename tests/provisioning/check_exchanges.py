#!/usr/bin/env python3
"""Runs the tests of the API and holds every request and response of theirs against api/openapi.yaml.

usage: check_exchanges.py TEST_BINARY OPENAPI
"""
import json
import os
import subprocess
import sys
import tempfile

from openapi import OpenApi


def main():
    binary, document = sys.argv[1:]
    api = OpenApi(document)
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "exchanges")
        environment = dict(os.environ, CAUSEWAY_EXCHANGES=file)
        environment.pop("CAUSEWAY_REQUIREMENTS_DIR", None)
        subprocess.run([binary, "--gtest_filter=*/Sqlite:*/0"], env=environment, check=True, stdout=subprocess.DEVNULL)
        lines = [json.loads(line) for line in open(file)]
    faults = 0
    covered = set()
    for x in lines:
        wrong = api.check(x["method"], x["target"], x["body"], x["status"], x["response_headers"], x["response"])
        version = "2023-10-01" if "api-version=2023-10-01" in x["target"] else "2024-02-29-preview"
        template, operation = api.find(x["method"], x["target"].split("?")[0], version)
        if operation and x["status"] < 300:
            covered.add((operation["operationId"], version))
        for w in wrong:
            faults += 1
            print(f"{x['method']} {x['target']} {x['body'][:300]}\n  -> {x['status']} {x['response'][:300]}\n  {w}")
    every = {(o["operationId"], v) for _, _, _, o, _ in api.operations for v in o["x-api-versions"]}
    for name, version in sorted(every - covered):
        faults += 1
        print(f"no test succeeds with {name} of {version}")
    print(f"{len(lines)} exchanges, {len(covered)} of {len(every)} operations, {faults} faults")
    sys.exit(1 if faults or len(lines) < 300 else 0)


if __name__ == "__main__":
    main()
