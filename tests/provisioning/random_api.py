#!/usr/bin/env python3
"""Random requests made from api/openapi.yaml, right ones, nearly right ones and nonsense, against a real
causeway: nothing may answer 5xx, and every answer is held against the document.

usage: random_api.py CAUSEWAY OPENAPI [--long] [--seed N]
"""
import argparse
import http.client
import json
import random
import ssl
import sys
import tempfile
import time
import urllib.parse

from openapi import NEW, OLD, OpenApi
from world import Causeway, Issuer

NASTY = ["", "a" * 5000, "\u0000", "\r\nX-Evil: 1", "'; DROP TABLE numbers; --", "%00", "../..", "\U0001f600", "ü",
         "null", "-1", "99999999999999999999", "{}", "<a>", "\"", "\\", "%", "a" * 101, "+1", "+12345678901234567", "\ud800"]
FILTERS = ["telephoneNumber eq '+1001'", "startswith(telephoneNumber,'+1')", "name ge 'a' and not (name eq 'b')",
           "serviceDetails/teamsDirectRouting/enabled eq true", "((((((", "x eq 1", "accountName eq 'a' or", "not"]


class Generator:
    def __init__(self, api, seed):
        self.api, self.r = api, random.Random(seed)

    def one(self, *items):
        return self.r.choice(items)

    def text(self, schema):
        pattern = schema.get("pattern", "")
        if "[1-9][0-9]+" in pattern:
            return "+100" + str(self.r.randrange(10, 60))
        if "{8}" in pattern:
            return "a7f4bd5c-cc01-40f4-8baa-2b6bdb272b8a"
        if schema.get("maxLength") == 100 and "A-Za-z" in pattern:
            return self.one("a", "b", "c", "Contoso_1")
        return self.one("a", "b-1", "x_2", "Calling")[: schema.get("maxLength", 50)]

    def value(self, schema, depth=0):
        """What the schema allows, mostly."""
        if self.r.random() < 0.004:
            return self.one(None, True, 7, -1, 1.5, "x", [], {}, self.one(*NASTY))
        schema = self.api.resolve(schema)
        if "anyOf" in schema:
            return self.value(self.one(*schema["anyOf"]), depth)
        if "allOf" in schema:
            out = {}
            for part in schema["allOf"]:
                made = self.value({"type": "object", **self.api.resolve(part)}, depth)
                out.update(made if isinstance(made, dict) else {})
            return out
        if "enum" in schema:
            return self.one(*schema["enum"])
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            out = {}
            for name, sub in schema.get("properties", {}).items():
                if name in schema.get("required", []) or self.r.random() < 0.4:
                    if self.r.random() > 0.01:
                        out[name] = self.value(sub, depth + 1)
            for name in schema.get("required", []):
                out.setdefault(name, "a")
            if self.r.random() < 0.01:
                out[self.one("colour", *NASTY)] = 1
            return out
        if kind == "array":
            n = self.r.choice([0, 1, 1, 2, 3, 101 if self.r.random() < 0.05 else 4])
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(max(n, schema.get("minItems", 0)))]
        if kind == "boolean":
            return self.one(True, False)
        if kind == "integer":
            return self.r.randrange(schema.get("minimum", -2), 50)
        if kind == "string":
            return self.one(*NASTY) if self.r.random() < 0.02 else self.text(schema)
        return self.one(None, "x", 1, {}, [])

    def request(self):
        method, path, _, operation, shared = self.one(*self.api.operations)
        version = self.one(*operation["x-api-versions"]) if self.r.random() < 0.97 else self.one(OLD, NEW, "x", "")
        query = [("api-version", version)]
        for p in map(self.api.resolve, shared + operation.get("parameters", [])):
            wild = self.r.random() < 0.03
            value = self.one(*NASTY) if wild else self.value(p.get("schema", {}))
            if p["name"] == "filter" and not wild:
                value = self.one(*FILTERS)
            if isinstance(value, bool):
                value = "true" if value else "false"
            text = str(value).encode("utf-8", "surrogatepass")
            if p["in"] == "path":
                path = path.replace("{" + p["name"] + "}", urllib.parse.quote(text, safe=""))
            elif p["name"] != "api-version" and self.r.random() < 0.25:
                query.append((p["name"], text))
        target = path + "?" + urllib.parse.urlencode(query)
        headers, body = {}, b""
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            headers["Content-Type"] = next(iter(content)) if self.r.random() < 0.98 else "text/plain"
            body = json.dumps(self.value(self.api.schema(content, version))).encode("utf-8", "surrogatepass")
            if self.r.random() < 0.03:
                body = bytearray(body or b" ")
                body[self.r.randrange(len(body))] = self.r.randrange(256)
                body = bytes(body)
            if self.r.random() < 0.01:
                body = b"[" * self.r.randrange(1, 100_000)
        for name, values in {"If-Match": ["*", '"00000000003"', "x", '"', "W/\"1\""], "If-None-Match": ["*", '"1"', ","],
                             "If-Modified-Since": ["Sun, 06 Nov 1994 08:49:37 GMT", "x"], "If-Unmodified-Since": ["2030-01-01T00:00:00Z", "9"],
                             "Repeatability-Request-ID": ["01234567-89ab-cdef-0123-456789abcde%x" % self.r.randrange(16), "1"],
                             "Repeatability-First-Sent": [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "2001-01-01T00:00:00Z"],
                             "x-ms-client-request-id": ["01234567-89ab-cdef-0123-456789abcdef", "z"]}.items():
            if self.r.random() < 0.04:
                headers[name] = self.one(*values)
        return method.upper(), target, headers, body


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("causeway")
    arguments.add_argument("openapi")
    arguments.add_argument("--long", action="store_true")
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    a = arguments.parse_args()
    print("seed", a.seed)
    api = OpenApi(a.openapi)
    generator = Generator(api, a.seed)
    count, faults, statuses = 20_000 if a.long else 600, 0, {}
    with tempfile.TemporaryDirectory() as folder:
        issuer = Issuer(folder)
        causeway = Causeway(a.causeway, folder, issuer)
        try:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection("127.0.0.1", causeway.port, context=context, timeout=60)
            token = issuer.token("Admin", exp=int(time.time()) + 36_000)
            for _ in range(count):
                method, target, headers, body = generator.request()
                connection.request(method, target, body, {**headers, "Authorization": "Bearer " + token})
                r = connection.getresponse()
                text = r.read().decode("utf-8")
                statuses[r.status] = statuses.get(r.status, 0) + 1
                wrong = [f"it answered {r.status}"] if r.status >= 500 else []
                try:
                    shown = body.decode("utf-8")
                    json.loads(shown, parse_constant=lambda _: 1 / 0) if body else None
                except (ValueError, RecursionError, ZeroDivisionError):
                    shown = ""
                found = {k.lower(): v for k, v in r.getheaders()}
                wrong += api.check(method, target, shown, r.status, found, text)
                for w in wrong:
                    faults += 1
                    print(f"{method} {target} {headers} {body[:400]!r}\n  -> {r.status} {text[:400]}\n  {w}")
        finally:
            causeway.process.kill()
    print(f"{count} requests, by status {dict(sorted(statuses.items()))}, {faults} faults")
    good = sum(n for s, n in statuses.items() if s < 300)
    sys.exit(1 if faults or good < count // 20 else 0)


if __name__ == "__main__":
    main()
