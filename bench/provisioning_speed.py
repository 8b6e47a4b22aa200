#!/usr/bin/env python3
"""What the Provisioning API costs: batches of 100 numbers, CSV of many, pages of 500, over HTTPS on one connection.

usage: provisioning_speed.py CAUSEWAY [--numbers 1000000] [--batches 300]
"""
import argparse
import http.client
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "provisioning"))
from world import Causeway, Issuer  # noqa: E402

VERSION = "api-version=2024-02-29-preview"


def percentiles(times):
    t = sorted(times)
    return f"p50 {1000 * t[len(t) // 2]:.1f} ms, p99 {1000 * t[min(len(t) - 1, len(t) * 99 // 100)]:.1f} ms, most {1000 * t[-1]:.1f} ms"


class Client:
    def __init__(self, port, token):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
        self.token = token

    def ask(self, method, path, body=None):
        began = time.monotonic()
        self.connection.request(method, path, json.dumps(body) if body is not None else None,
                                {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"})
        r = self.connection.getresponse()
        text = r.read()
        took = time.monotonic() - began
        if r.status >= 300:
            sys.exit(f"{method} {path}: {r.status} {text[:500]}")
        return json.loads(text) if text else None, took


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("causeway")
    a.add_argument("--numbers", type=int, default=1_000_000)
    a.add_argument("--batches", type=int, default=300)
    o = a.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        issuer = Issuer(folder)
        causeway = Causeway(o.causeway, folder, issuer)
        try:
            client = Client(causeway.port, issuer.token("Admin"))
            zoom = {"zoomPhoneCloudPeering": {"enabled": True, "syncEnabled": False}}
            client.ask("PUT", f"/accounts/bench?{VERSION}", {"serviceDetails": zoom})
            times = []
            for i in range(o.batches):
                batch = [{"telephoneNumber": f"+4410{i:05}{n:03}", "serviceDetails": {"zoomPhoneCloudPeering": {"enabled": True}}}
                         for n in range(100)]
                times.append(client.ask("POST", f"/accounts/bench:createOrUpdateNumbers?{VERSION}", {"numbers": batch})[1])
            print(f"batches of 100 numbers, {o.batches}: {percentiles(times)}", flush=True)
            path = pathlib.Path(folder) / "numbers.csv"
            with path.open("w") as f:
                f.write("telephoneNumber,accountName,serviceDetails_zoomPhoneCloudPeering_enabled\n")
                for n in range(o.numbers):
                    f.write(f"+4420{n:08},bench,true\n")
            began = time.monotonic()
            subprocess.run([o.causeway, "number", "import", str(path), "--store", folder + "/state/store.db"], check=True,
                           stdout=subprocess.DEVNULL)
            print(f"{o.numbers} numbers from CSV: {time.monotonic() - began:.1f} s", flush=True)
            client = Client(causeway.port, issuer.token("Admin"))  # the old connection was idle for too long
            link, times, seen = f"/numbers?maxpagesize=500&{VERSION}", [], 0
            while link and len(times) < 2_000:
                page, took = client.ask("GET", link)
                times.append(took)
                seen += len(page["value"])
                link = page.get("nextLink")
                link = link and link.split(str(causeway.port), 1)[1]
            print(f"pages of 500, {len(times)} with {seen} numbers: {percentiles(times)}", flush=True)
            if causeway.stop() != 0:
                sys.exit("causeway provision ended badly")
        finally:
            causeway.process.kill()


if __name__ == "__main__":
    main()
