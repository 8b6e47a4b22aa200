#!/usr/bin/env python3
"""The API over real HTTPS: curl, broken HTTP, slow clients, a new certificate, a new key of the issuer.

usage: http_test.py CAUSEWAY
"""
import json
import subprocess
import sys
import tempfile
import time

from world import Causeway, Issuer

VERSION = "api-version=2024-02-29-preview"


def main():
    with tempfile.TemporaryDirectory() as folder:
        issuer = Issuer(folder)
        causeway = Causeway(sys.argv[1], folder, issuer)
        try:
            run(folder, issuer, causeway)
            assert causeway.stop() == 0
        finally:
            causeway.process.kill()
    print("good")


def run(folder, issuer, causeway):
    admin = issuer.token("Admin")

    def curl(method, path, *more, token=admin):
        words = ["curl", "-sS", "--cacert", folder + "/cert.pem", "-X", method, "-o", folder + "/out", "-w",
                 "%{http_code}", "-D", folder + "/headers"]
        if token:
            words += ["-H", "Authorization: Bearer " + token]
        out = subprocess.run(words + list(more) + [f"https://localhost:{causeway.port}{path}"], check=True, capture_output=True)
        return int(out.stdout), open(folder + "/out").read(), open(folder + "/headers").read()

    def expect(status, got):
        assert got[0] == status, (status, got)
        return got

    body = ["-H", "Content-Type: application/json", "-d"]
    expect(201, curl("PUT", f"/accounts/contoso?{VERSION}", *body, '{"correlationId":"x"}'))
    _, text, headers = expect(200, curl("GET", f"/accounts/contoso?{VERSION}"))
    assert json.loads(text)["correlationId"] == "x" and "ETag: " in headers, (text, headers)
    expect(201, curl("PUT", f"/accounts/contoso/numbers/+1001?{VERSION}", *body, '{"serviceDetails":{}}'))
    expect(201, curl("PUT", f"/accounts/contoso/numbers/%2B1002?{VERSION}", *body, '{"serviceDetails":{}}'))
    _, text, _ = expect(200, curl("GET", f"/numbers?maxpagesize=1&{VERSION}"))
    link = json.loads(text)["nextLink"]
    assert link.startswith(f"https://localhost:{causeway.port}/numbers?"), link
    _, text, _ = expect(200, curl("GET", link.split(str(causeway.port))[1]))
    assert json.loads(text)["value"][0]["telephoneNumber"] == "+1002", text
    _, _, headers = expect(401, curl("GET", f"/accounts?{VERSION}", token=None))
    assert "WWW-Authenticate: Bearer" in headers
    expect(401, curl("GET", f"/accounts?{VERSION}", token=admin[:-4] + "AAAA"))
    expect(403, curl("GET", f"/accounts?{VERSION}", token=issuer.token("Write")))
    expect(204, curl("DELETE", f"/accounts/contoso/numbers/+1001?{VERSION}"))
    expect(413, curl("PUT", f"/accounts/contoso?{VERSION}", "-H", "Expect:", *body, "x" * 100_000, "-d", "y" * 100_000, *sum((["-d", "z" * 100_000] for _ in range(12)), [])))

    # The issuer's key changes: a token that names the new one is good at the first request that may ask.
    issuer.new_key("k2")
    assert issuer.asked == 2, issuer.asked

    # A new certificate is served within some seconds, the process goes on.
    causeway.new_certificate()
    for _ in range(50):
        new = causeway.raw().getpeercert(binary_form=True)
        want = subprocess.run(["openssl", "x509", "-in", folder + "/cert.pem", "-outform", "DER"], check=True, capture_output=True).stdout
        if new == want:
            break
        time.sleep(0.2)
    assert new == want, "the old certificate is still served"

    def raw(text, pause=0.0):
        s = causeway.raw()
        s.settimeout(40)
        got = b""
        try:
            for part in text if isinstance(text, list) else [text]:
                s.sendall(part)
                time.sleep(pause)
            while chunk := s.recv(65536):
                got += chunk
                if b"\r\n\r\n" in got and b"Connection: close" not in got:
                    break
        except OSError:
            pass
        s.close()
        return got

    head = f"GET /accounts?{VERSION} HTTP/1.1\r\nHost: x\r\n".encode()
    smuggled = [
        head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        head + b"Content-Length: -1\r\n\r\n",
        head + b"Content-Length : 0\r\n\r\n",
        head + b"Host: y\r\n\r\n",
        b"GET /accounts HTTP/1.1\r\n\r\n",
        b"GET /accounts HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        head + b"A: b\nC: d\x00\r\n\r\n",
    ]
    for text in smuggled:
        answer = raw(text)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400"), (text, answer[:200])
    answer = raw(head + b"X: " + b"a" * 40_000 + b"\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431"), answer[:100]
    assert raw(head + b"\r\n").startswith(b"HTTP/1.1 401")
    # The answer to a body that is too large reaches one who writes all of it before it reads.
    large = f"PUT /accounts/a?{VERSION} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n".encode()
    answer = raw([large] + [b"x" * 1_000_000] * 5, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
    # One that trickles is cut off, whatever it says.
    began = time.time()
    assert raw([b"G"] + [b"E"] * 60, pause=0.5) == b"" and time.time() - began < 35


if __name__ == "__main__":
    main()
