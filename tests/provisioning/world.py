"""An issuer of tokens, and causeway provision with a certificate of its own, each on a free port."""
import base64
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    def __init__(self, folder):
        self.folder, self.kid, self.asked = folder, "k1", 0
        self.new_key("k1")
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                if self.path.endswith("openid-configuration"):
                    body = {"issuer": issuer.url, "jwks_uri": issuer.url + "/keys"}
                else:
                    body = {"keys": [issuer.jwk]}
                text = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def new_key(self, kid):
        self.kid, self.key = kid, os.path.join(self.folder, kid + ".pem")
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, stderr=subprocess.DEVNULL)
        out = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True)
        n = bytes.fromhex(out.stdout.decode().strip().split("=")[1])
        self.jwk = {"kty": "RSA", "kid": kid, "use": "sig", "n": base64url(n), "e": "AQAB"}

    def token(self, *roles, **more):
        claims = {"iss": self.url, "aud": "api://provisioning", "azp": "bss", "exp": int(time.time()) + 3600,
                  "roles": ["ProvisioningAPI." + r for r in roles], **more}
        body = base64url(json.dumps({"alg": "RS256", "kid": self.kid}).encode()) + "." + base64url(json.dumps(claims).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=body.encode(), check=True, capture_output=True).stdout
        return body + "." + base64url(signature)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


CONFIGURATION = """
[operation]
state_directory = "{folder}/state"
[provisioning]
listen = "127.0.0.1:{port}"
certificate = "cert.pem"
key = "key.pem"
issuer = "{issuer}"
audiences = ["api://provisioning"]
requests_per_minute = {rate}
[[region]]
name = "north"
[[realm]]
name = "core"
media_addresses = ["127.0.0.1"]
media_port_min = 20000
media_port_max = 29999
[[listener]]
name = "udp"
realm = "core"
transport = "udp"
address = "127.0.0.1:5060"
[[peer_group]]
name = "a"
region = "north"
realm = "core"
listener = "udp"
profile = "operator"
[[peer_group.peer]]
name = "a1"
host = "192.0.2.1"
"""


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", folder + "/key.pem.new", "-out", folder + "/cert.pem.new", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, stderr=subprocess.DEVNULL)
    os.replace(folder + "/key.pem.new", folder + "/key.pem")
    os.replace(folder + "/cert.pem.new", folder + "/cert.pem")


class Causeway:
    def __init__(self, binary, folder, issuer, rate=0):
        self.folder, self.port = folder, free_port()
        self.new_certificate()
        self.config = os.path.join(folder, "causeway.toml")
        with open(self.config, "w") as f:
            f.write(CONFIGURATION.format(folder=folder, port=self.port, issuer=issuer.url, rate=rate))
        self.log = os.path.join(folder, "log")
        self.process = subprocess.Popen([binary, "provision", "--config", self.config], stderr=open(self.log, "w"))
        for _ in range(200):
            if self.process.poll() is not None:
                raise RuntimeError(open(self.log).read())
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("causeway does not listen: " + open(self.log).read())

    def new_certificate(self):
        certificate(self.folder)

    def raw(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 30))

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)
