"""What the tests of causeway-lab rehearse share: an operator's configuration behind NAT with the service's real names, and its rules."""
import json
import subprocess

from support import *

CONFIG = """
[[region]]
name = "west"
[[realm]]
name = "core"
interface = "eth1"
media_addresses = ["10.20.0.5"]
media_port_min = 20000
media_port_max = 29999
[[realm]]
name = "public"
interface = "eth0"
media_addresses = ["192.168.7.5"]
{public}
media_port_min = 30000
media_port_max = 39999
[[tls_identity]]
name = "sbc"
certificate = "tls/{certificate}.crt"
key = "tls/{certificate}.key"
trusted_roots = ["tls/ca.crt"]
[[listener]]
name = "core"
realm = "core"
{core}
[[listener]]
name = "teams"
realm = "public"
transport = "tls"
address = "192.168.7.5:5061"
tls_identity = "sbc"
[[profile]]
name = "teams"
extends = "{of}"
contact_host = "{contact}"
via_host = "sbc.operator.example"
{profile}
[[profile]]
name = "switch"
extends = "operator"
number_format = "{format}"
{switch}
[[peer_group]]
name = "switches"
region = "west"
realm = "core"
listener = "core"
profile = "switch"
trusted = true
routes_to = ["cloud"]
{trunk}
[peer_group.numbers]
country = "44"
national_prefix = "0"
international_prefix = "00"
[peer_group.recognise]
sources = ["10.20.0.0/24"]
{certified}
[[peer_group.peer]]
name = "switch-1"
host = "{first}"
{known}
[[peer_group.peer]]
name = "switch-2"
host = "10.20.0.12"
[[peer_group]]
name = "cloud"
region = "west"
realm = "public"
listener = "teams"
profile = "teams"
trusted = true
routes_to = ["switches"]
options_interval = "{interval}"
media_sources = ["52.112.0.0/14", "52.120.0.0/14"]
{service}
[peer_group.recognise]
sources = ["52.112.0.0/14", "52.120.0.0/14"]
certificate_names = ["sip.{names}"]
[[peer_group.peer]]
name = "sip"
host = "sip.{names}"
port = 5061
[[peer_group.peer]]
name = "sip2"
host = "sip2.{names}"
port = 5061
priority = 1
{third}
"""
TEAMS, ZOOM = "pstnhub.microsoft.com", "peering.zoom.example"
THIRD = '[[peer_group.peer]]\nname = "sip3"\nhost = "sip3.{names}"\nport = 5061\npriority = 2\n'
BY_NUMBER = {"trunk": 'trunk = "fixed"', "service": 'service = "direct-routing"', "profile": "customer_in_contact = true",
             "format": "national"}
PUBLIC = 'public_addresses = ["203.0.113.10"]'
PLAIN = 'transport = "udp"\naddress = "10.20.0.5:5060"'
# A core that wants both: TLS with certificates that it and the gateway check, and keys in the SDP.
SECURE = {"core": 'transport = "tls"\naddress = "10.20.0.5:5061"\ntls_identity = "sbc"', "first": "switch.operator.example",
          "certified": 'certificate_names = ["switch.operator.example"]',
          "switch": 'contact_host = "sbc.operator.example"\n[profile.sdp]\nsecurity = "sdes"\nsuites = ["AES_256_CM_HMAC_SHA1_80"]\n'}


def rehearse(name, of="teams-direct-routing", trust=True, asked=None, **changes):
    """Exit status, and each rule by its id."""
    d = WORK / name
    d.mkdir()
    subprocess.run([BUILD / "causeway-lab", "certs", d / "tls"], check=True, stdout=subprocess.DEVNULL)
    # Every customer's name below the gateway's own.
    subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=sbc.operator.example", "-keyout", d / "tls/sbc.key",
                    "-out", d / "tls/sbc.csr"], check=True, capture_output=True)
    (d / "names").write_text("subjectAltName=DNS:sbc.operator.example,DNS:*.sbc.operator.example\n"
                             "extendedKeyUsage=serverAuth,clientAuth\n")
    subprocess.run(["openssl", "x509", "-req", "-in", d / "tls/sbc.csr", "-CA", d / "tls/ca.crt", "-CAkey", d / "tls/ca.key",
                    "-CAcreateserial", "-days", "90", "-extfile", d / "names", "-out", d / "tls/sbc.crt"], check=True, capture_output=True)
    values = {"certificate": "sbc", "contact": "sbc.operator.example", "profile": "", "format": "as_is", "trunk": "", "service": "",
              "interval": "60s", "third": THIRD, "core": PLAIN, "public": PUBLIC, "switch": "", "certified": "", "first": "10.20.0.11", "known": "", "of": of, "names": TEAMS} | changes
    values["third"] = values["third"].format(**values)
    (d / "causeway.toml").write_text(CONFIG.format(**values))
    r = subprocess.run([BUILD / "causeway-lab", "rehearse", "--service", asked or of, "--config", d / "causeway.toml", "--json", "--keep",
                        d / "out", *(["--trust", d / "tls/ca.crt"] if trust else [])], capture_output=True, text=True, timeout=60)
    if r.returncode not in (0, 1):
        return r.returncode, {}, r.stderr
    told = json.loads(r.stdout)
    return r.returncode, {x["id"]: x for x in told["rules"]}, "\n".join(told["troubles"])


def why_not(name, code, rules, why):
    return f"{name}: exit {code}, failed {failed(rules)}\n{why}\n" + "\n".join(f"{i} {x['seen']}" for i, x in rules.items() if x["seen"])


def failed(rules):
    return sorted(i for i, x in rules.items() if x["state"] == "failed")
