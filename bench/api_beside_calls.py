#!/usr/bin/env python3
"""Calls beside the Provisioning API: set-up times without, and with 50 clients that read and write as fast as they can.

usage: api_beside_calls.py BUILD [--runs 5] [--seconds 12] [--rate 50] [--clients 50]

Five runs of each, A B A B; p99 from INVITE to 200 as the lab measures it. A client waits for its answer before it asks again. Clients
stand for other machines: they run at the lowest priority, and take what the gateway and the lab leave.
"""
import argparse
import http.client
import json
import os
import pathlib
import re
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

VERSION = "api-version=2024-02-29-preview"


def token(port):
    c = http.client.HTTPConnection("127.0.0.11", port, timeout=10)
    c.request("POST", "/token", urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": "bss", "client_secret": "lab-secret",
                                                        "scope": "api://provisioning/.default"}),
              {"Content-Type": "application/x-www-form-urlencoded"})
    r = c.getresponse()
    text = r.read()
    if r.status != 200:
        sys.exit(f"no token: {r.status} {text[:300]}")
    return json.loads(text)["access_token"]


class Clients:
    def __init__(self, n, bearer):
        self.stopping, self.asked, self.bad = False, 0, []
        self.bearer = bearer
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, i):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        c = http.client.HTTPSConnection("127.0.0.31", 8443, timeout=30, context=context)
        k = 0
        while not self.stopping:
            k += 1
            method, path, body = [("PUT", f"/accounts/bench{i}?{VERSION}", json.dumps({"correlationId": f"{k}"})),
                                  ("GET", f"/accounts/bench{i}?{VERSION}", None), ("GET", f"/accounts?maxpagesize=100&{VERSION}", None)][k % 3]
            try:
                c.request(method, path, body, {"Authorization": "Bearer " + self.bearer, "Content-Type": "application/json"})
                r = c.getresponse()
                r.read()
                self.asked += 1
                if r.status >= 500:
                    self.bad.append(r.status)
            except OSError as e:
                self.bad.append(str(e))
                return

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join(30)


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("build", type=pathlib.Path)
    a.add_argument("--runs", type=int, default=5)
    a.add_argument("--seconds", type=int, default=12)
    a.add_argument("--rate", type=int, default=50)
    a.add_argument("--clients", type=int, default=50)
    o = a.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = subprocess.run([o.build / "causeway-lab", "config", folder], check=True, capture_output=True, text=True).stdout.strip()
        text = pathlib.Path(config).read_text()
        text = re.sub(r"^\[provisioning\]$", "[provisioning]\nrequests_per_minute = 0", text, flags=re.M)
        pathlib.Path(config).write_text(text)
        children = [subprocess.Popen([o.build / "causeway-lab", "issuer", "--certs", folder + "/tls"], stdout=subprocess.DEVNULL)]
        children.append(subprocess.Popen([o.build / "causeway", "run", "--config", config], stderr=open(folder + "/gateway.log", "w")))
        try:
            time.sleep(2)
            bearer = token(8081)
            p99 = {False: [], True: []}
            asked = failed = 0
            for run in range(2 * o.runs):
                busy = run % 2 == 1
                clients = Clients(o.clients, bearer) if busy else None
                r = subprocess.run([o.build / "causeway-lab", "load", "--certs", folder + "/tls", "--rate", str(o.rate), "--calls",
                                    str(o.rate * o.seconds), "--hold", "500", "--wait", "10", "--json"], capture_output=True, text=True)
                if clients:
                    clients.stop()
                    asked += clients.asked
                    if clients.bad:
                        print("answers of the API:", clients.bad[:5])
                report = json.loads(r.stdout)
                failed += report["failed"]
                p99[busy].append(report["answer_ms"]["p99"])
                print(f"{'with' if busy else 'without'} clients: p50 {report['answer_ms']['p50']:.2f} ms, p99 {report['answer_ms']['p99']:.2f} ms, "
                      f"{report['good']} good, {report['failed']} failed", flush=True)
            seconds = o.runs * o.seconds
            print(f"median of p99: {statistics.median(p99[False]):.2f} ms without, {statistics.median(p99[True]):.2f} ms with {o.clients} clients; "
                  f"{asked} requests in {seconds} s, {failed} calls failed")
        finally:
            for c in children:
                c.terminate()
                c.wait(15)


if __name__ == "__main__":
    main()
