"""causeway-lab rehearse with media bypass: phones that speak ICE from the Internet, and a core over TLS with SRTP."""
import concurrent.futures
import json

from rehearsals import *

BYPASS = {f"MBP-{n:02}" for n in range(1, 15)} | {"TDR-76"}
# The same service without media bypass.
OTHER_TRUNK = """
[[realm]]
name = "plain"
interface = "eth0"
media_addresses = ["192.168.7.6"]
public_addresses = ["203.0.113.11"]
media_port_min = 30000
media_port_max = 39999
[[listener]]
name = "plain"
realm = "plain"
transport = "tls"
address = "192.168.7.6:{port}"
tls_identity = "sbc"
[[profile]]
name = "plain"
extends = "teams-direct-routing"
contact_host = "{contact}"
[[peer_group]]
name = "plain"
region = "west"
realm = "plain"
listener = "plain"
profile = "plain"
routes_to = ["switches"]
[peer_group.recognise]
sources = ["52.112.0.0/14", "52.120.0.0/14"]
certificate_names = ["sip.pstnhub.microsoft.com"]
[[peer_group.peer]]
name = "plain"
host = "sip.pstnhub.microsoft.com"
port = 5061
"""
# Users inside the enterprise's network have an address there.
LOCAL = {"service": 'internal_media_realm = "lan"', "known": 'known_as = "branch.operator.example"', "third": THIRD + """
[[realm]]
name = "lan"
interface = "eth2"
media_addresses = ["192.168.8.5"]
media_port_min = 40000
media_port_max = 49999
"""}
LMO = {"LMO-01", "LMO-02", "LMO-03", "LMO-04", "LMO-05"}


@test()
def good_one():
    """a trunk with media bypass and local media passes every rule of both, with a core that speaks TLS and SRTP"""
    other = OTHER_TRUNK.format(port=5062, contact="plain.sbc.operator.example")
    code, rules, why = rehearse("bypass", of="teams-media-bypass", **SECURE, **(LOCAL | {"third": LOCAL["third"] + other}))
    expect(code == 0 and BYPASS | LMO | {"GW-TLS", "GW-MEDIA"} <= set(rules) and {x["state"] for x in rules.values()} == {"passed"},
           why_not("bypass", code, rules, why))
    records = [json.loads(r) for p in (WORK / "bypass/out/records").glob("*.jsonl") for r in p.read_text().splitlines()]
    # A leg that a transfer takes away stands in the record of the other call.
    answered = [r for r in records if r["answered"] and r["released_by"] != "gateway"]
    plain = [r["call"] for r in answered if not (r["caller_srtp"] and r["callee_srtp"])]
    expect(len(answered) > 10 and not plain, f"{len(answered)} calls, without SRTP: {plain}")


@test()
def broken_ones():
    """an address that the Internet does not reach ends calls as IceConnectivityChecksFailed; no ICE at all is refused with 488"""
    # Beside it, a header that the service does not send: users inside are taken for others.
    broken = {"private": {"public": "", **LOCAL, "profile": 'local_media = { location = "X-User-Location" }'},
              "no-ice": {"profile": '[profile.sdp]\nice = "never"\n', "third": THIRD + OTHER_TRUNK.format(port=5061, contact="sbc.operator.example")}}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = dict(zip(broken, pool.map(lambda n: rehearse(n, of="teams-media-bypass", **broken[n]), broken)))
    for name, says, wire in (
            ("private", "192.168.7.5:", 'text="IceConnectivityChecksFailed, MBP-01: 192.168.7.5:'),
            ("no-ice", "no ICE candidates in the SDP", 'text="531027 MBP-01: no ICE candidates in the SDP"')):
        code, rules, why = results[name]
        expect(code == 1 and "MBP-01" in failed(rules), why_not(name, code, rules, why))
        expect(says in rules["MBP-01"]["seen"][0] and "realm.public_addresses" in rules["MBP-01"]["remedy"], f"{name}: {rules['MBP-01']}")
        expect(wire in (WORK / name / "out/messages.txt").read_text(errors="replace"), f"{name}: the service does not say {wire}")
    # One name and one port for a trunk with media bypass and one without.
    other = results["no-ice"][1]["MBP-13"]
    expect(other["state"] == "failed" and "both sbc.operator.example" in other["seen"][0] and "both have port 5061" in other["seen"][1] and
           "contact_host" in other["remedy"], f"no-ice: {other}")
    # Nothing was checked, so that nothing is said of the checks.
    expect(results["no-ice"][1]["MBP-02"]["state"] == "untried", f"no-ice: {results['no-ice'][1]['MBP-02']}")
    private = results["private"][1]
    expect({"TDM-16", "LMO-01", "LMO-04"} <= set(failed(private)) and private["LMO-03"]["state"] == "untried",
           f"private: failed {failed(private)}, LMO-03 {private['LMO-03']}")


main()
