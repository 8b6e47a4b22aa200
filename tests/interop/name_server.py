"""The gateway's own name server, asked by kdig and dig, and its zone judged and served by knot."""
import re

from support import *

ADDRESS = "127.0.0.53"
DOMAIN = "gw.example.net"
SECTION = f"""
[nameserver]
domain = "{DOMAIN}"
listen = ["{ADDRESS}:53"]
servers = ["ns1.{DOMAIN}"]
contact = "hostmaster@example.net"
caa = ['0 issue "ca.example.net"']
answers_per_second = 1000
[[nameserver.host]]
name = "ns1"
addresses = ["{ADDRESS}"]
[[nameserver.host]]
name = "provapi"
addresses = ["192.0.2.80"]
[[nameserver.region]]
region = "here"
service_addresses = ["192.0.2.10", "2001:db8::10"]
network_addresses = ["198.51.100.10"]
[[nameserver.service]]
name = "_sips._tcp"
port = 5061
[[nameserver.service]]
name = "_sip._tls"
port = 5061
network = true
"""


def gateway(section=SECTION):
    text = configuration(group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
                         group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"]), listeners=section)
    return Gateway(text)


def dig(*words, program="dig"):
    need(program)
    r = subprocess.run([program, f"@{ADDRESS}", *words], capture_output=True, text=True, timeout=15)
    expect(r.returncode == 0, f"{program} {' '.join(words)}: {r.stdout}{r.stderr}")
    return r.stdout


def short(*words):
    return dig(*words, "+short").split("\n")[:-1]


def flags(text):
    return re.search(r"flags: ([a-z ]*);", text, re.I)[1].lower().split()


def status(text):
    return re.search(r"status: (\w+)", text)[1]


@test("MT-01")
def answers_of_a_region():
    """names of a region, its services and certificates' rules, over UDP and TCP, by dig and by kdig"""
    g = gateway()
    expect(short("A", f"1r1.{DOMAIN}") == ["192.0.2.10"], "A of the region")
    expect(short("AAAA", f"1r1.{DOMAIN}", "+tcp") == ["2001:db8::10"], "AAAA over TCP")
    expect(short("SRV", f"_sips._tcp.1r1.{DOMAIN}") == [f"10 100 5061 1r1.{DOMAIN}."], "SRV for services")
    expect(short("SRV", f"_sip._tls.r1.{DOMAIN}") == [f"10 100 5061 r1.{DOMAIN}."], "SRV for the network")
    expect(short("CAA", DOMAIN) == ['0 issue "ca.example.net"'], "CAA")
    expect(short("NS", DOMAIN) == [f"ns1.{DOMAIN}."], "NS")
    whole = dig("SRV", f"_sip._tls.r1.{DOMAIN}", program="kdig")
    expect("198.51.100.10" in whole.partition("ADDITIONAL SECTION")[2], f"no address beside SRV:\n{whole}")
    expect("aa" in flags(whole) and "ra" not in flags(whole), f"flags:\n{whole}")
    metrics = g.command("dns", "status")
    expect(re.search(r"noerror +[5-9]", metrics), f"not counted:\n{metrics}")
    g.stop()


@test()
def what_is_not_there():
    """NXDOMAIN, NODATA and REFUSED are told apart, the first two with the SOA; ANY, transfers and other classes give nothing away"""
    g = gateway()
    nobody, nothing = dig("A", f"nobody.{DOMAIN}"), dig("MX", f"provapi.{DOMAIN}")
    expect(status(nobody) == "NXDOMAIN" and "SOA" in nobody.partition("AUTHORITY SECTION")[2], nobody)
    expect(status(nothing) == "NOERROR" and "ANSWER SECTION" not in nothing and
           "SOA" in nothing.partition("AUTHORITY SECTION")[2], nothing)
    elsewhere = dig("A", "example.com")
    expect(status(elsewhere) == "REFUSED" and "aa" not in flags(elsewhere), elsewhere)
    expect(status(dig("TXT", "CH", "version.bind")) == "REFUSED", "class CH")
    transfer = subprocess.run(["dig", f"@{ADDRESS}", "AXFR", DOMAIN], capture_output=True, text=True, timeout=15).stdout
    expect("Transfer failed" in transfer and "provapi" not in transfer, transfer)
    expect(short("ANY", DOMAIN, "+notcp") == ['"RFC8482" ""'], "ANY")
    g.stop()


@test()
def sizes_and_cases():
    """EDNS is answered, large answers are truncated and come over TCP, the case of the question comes back"""
    g = gateway()
    for n in range(12):
        g.command("dns", "acme", "set", f"*.1r1.{DOMAIN}", f"{n:02d}" + "x" * 41)
    name = f"_acme-challenge.1r1.{DOMAIN}"
    cut = dig("TXT", name, "+noedns", "+ignore")
    expect("tc" in flags(cut) and "ANSWER SECTION" not in cut, cut)
    expect(len(short("TXT", name, "+noedns")) == 12, "dig does not get the rest over TCP")
    big = dig("TXT", name, "+bufsize=4096", "+ignore")
    expect("tc" not in flags(big) and "udp: 1232" in big and big.count('"') == 24, big)
    expect(status(dig("A", f"1r1.{DOMAIN}", "+edns=1", "+noednsnegotiation")) == "BADVERS", "EDNS version 1")
    odd = "1R1.gW.eXaMpLe.NeT"
    expect(dig("A", odd, "+nocmd").count(odd) >= 2, "the case is lost")
    g.command("dns", "acme", "clear", f"1r1.{DOMAIN}")
    expect(short("TXT", name) == [], "challenges are still there")
    g.stop()


@test()
def limit_of_a_source():
    """beyond its rate a source gets truncated answers or none over UDP, and all of them over TCP"""
    g = gateway(SECTION.replace("answers_per_second = 1000", "answers_per_second = 5"))
    kinds = {"whole": 0, "cut": 0, "none": 0}
    query = bytes.fromhex("123401000001000000000000") + b"\x031r1\x02gw\x07example\x03net\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)
        for _ in range(20):
            s.sendto(query, (ADDRESS, 53))
            try:
                kinds["cut" if s.recv(4096)[2] & 2 else "whole"] += 1
            except TimeoutError:
                kinds["none"] += 1
    expect(kinds["whole"] < 20 and kinds["cut"] > 0 and kinds["none"] > 0, f"{kinds}")
    expect(len(short("A", f"1r1.{DOMAIN}", "+tcp")) == 1, "over TCP")
    g.stop()


DR = "serviceDetails_teamsDirectRouting_"


def account(config, name, label, *tokens):
    words = [f"{DR}configuration_subdomainTokens_region{n}Token={t}" for n, t in enumerate(tokens, 1)]
    r = subprocess.run([str(CAUSEWAY), "account", "set", name, "--config", str(config), f"{DR}enabled=true", f"{DR}syncEnabled=false",
                        f"{DR}configuration_subdomain={label}", *words], capture_output=True, text=True)
    expect(r.returncode == 0, f"account: {r.stdout}{r.stderr}")


@test("MT-05", "P40")
def names_of_enterprises_follow_the_store():
    """an account's token and address are there within a second of its change, and stay when the store is gone"""
    text = configuration(group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
                         group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"]),
                         listeners=f'[provisioning]\nstore = "{WORK}/store.db"\n' + SECTION)
    g = Gateway(text)
    name = f"contoso.1r1.{DOMAIN}"
    expect(status(dig("TXT", name)) == "NXDOMAIN", "nobody has that label yet")
    account(g.config, "contoso", "Contoso", "token-1", "token-2")
    began = time.monotonic()
    wait_until(lambda: short("TXT", name) == ['"token-1"'], 5, "the token")
    expect(time.monotonic() - began < 1.5, f"it took {time.monotonic() - began:.1f} s")
    expect(short("A", name) == ["192.0.2.10"], "the address")
    account(g.config, "contoso", "contoso", "token-3", "token-2")
    wait_until(lambda: short("TXT", name) == ['"token-3"'], 5, "the changed token")
    wait_until(lambda: (WORK / "state" / "directory.snap").exists(), 15, "the local copy of the directory")
    time.sleep(1)
    g.stop()
    for f in WORK.glob("store.db*"):
        f.unlink()
    (WORK / "store.db").mkdir()  # what stands there now is no store
    g.start()
    expect(short("TXT", name) == ['"token-3"'], "the token without the store")
    g.stop()
    (WORK / "store.db").rmdir()


@test("MT-05")
def the_zone_is_taken_by_knot():
    """the exported zone is one that knot checks and serves, with every account's token in each region"""
    need("kzonecheck", "knotd")
    g = gateway()
    account(g.config, "contoso", "contoso", "token-1", "token-2")
    zone = subprocess.run([str(CAUSEWAY), "dns", "export", "--config", str(g.config)], capture_output=True, text=True)
    expect(zone.returncode == 0, zone.stderr)
    (WORK / "zone").write_text(zone.stdout)
    check = subprocess.run(["kzonecheck", "-o", DOMAIN, str(WORK / "zone")], capture_output=True, text=True)
    expect(check.returncode == 0, check.stdout + check.stderr)
    g.stop()
    (WORK / "run").mkdir(exist_ok=True)
    (WORK / "knot.conf").write_text(f"""server:
  rundir: "{WORK}/run"
  listen: {ADDRESS}@53
  user: root:root
database:
  storage: "{WORK}/run"
zone:
  - domain: {DOMAIN}
    file: "{WORK}/zone"
""")
    knot = Process("knotd", ["knotd", "-c", WORK / "knot.conf"])
    wait_until(lambda: listening(ADDRESS, 53), 10, "knotd listens")
    wait_until(lambda: short("TXT", f"contoso.1r1.{DOMAIN}") == ['"token-1"'], 10, "knot serves the token")
    expect(short("A", f"contoso.1r1.{DOMAIN}") == ["192.0.2.10"], "the address by knot")
    knot.stop()


main()
