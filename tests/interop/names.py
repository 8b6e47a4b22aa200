"""Names from a real name server (knot) whose zone changes while calls go on, and that goes away."""
import shutil

from support import *

SERVER = "127.0.0.53"
PORT = 5353
CALLEES = ["127.0.0.22", "127.0.0.23", "127.0.0.24"]


class Knot:
    """knotd with one zone, `core.test`."""

    def __init__(self, records):
        need("knotd", "knotc")
        self.d = WORK / "knot"
        shutil.rmtree(self.d, ignore_errors=True)
        (self.d / "run").mkdir(parents=True)
        self.serial = 1
        self.conf = self.d / "knot.conf"
        self.conf.write_text(f"""server:
  rundir: "{self.d}/run"
  listen: {SERVER}@{PORT}
  user: root:root
database:
  storage: "{self.d}/run"
log:
  - target: stderr
    any: warning
zone:
  - domain: core.test
    file: "{self.d}/core.test.zone"
    storage: "{self.d}"
""")
        self.write(records)
        self.start()

    def write(self, records):
        self.serial += 1
        (self.d / "core.test.zone").write_text(
            f"$ORIGIN core.test.\n$TTL 1\n@ 3600 SOA ns admin {self.serial} 3600 600 86400 1\n@ NS ns\nns A {SERVER}\n" + records + "\n")

    def start(self):
        self.process = Process("knotd", ["knotd", "-c", self.conf])
        wait_until(lambda: listening(SERVER, PORT), 10, "knotd listens")
        wait_until(lambda: self.control("zone-status") and "serial" in self.control("zone-status"), 10, "the zone is loaded")

    def control(self, *words):
        r = subprocess.run(["knotc", "-c", str(self.conf), *words], capture_output=True, text=True)
        return r.stdout if r.returncode == 0 else ""

    def change(self, records):
        self.write(records)
        expect(self.control("-b", "zone-reload", "core.test"), "knot did not reload its zone")

    def stop(self):
        self.process.stop()


def zone(services, naptr=True, service="_calls._udp", ttl=""):
    """SRV records (priority, weight, host number) behind NAPTR; `ttl` of SRV and A, 1 s unless said."""
    text = f'@ NAPTR 10 10 "s" "SIP+D2U" "" {service}\n' if naptr else ""
    name = service if naptr else "_sip._udp"
    text += "".join(f"{name} {ttl} SRV {p} {w} 5060 host{n}\n" for p, w, n in services)
    return text + "".join(f"host{n} {ttl} A {address}\n" for n, address in enumerate(CALLEES))


def gateway():
    return Gateway(configuration(group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
                                 group("callee", "core.test", 5060, "b-udp", routes_to=["caller"],
                                       recognise='sources = ["127.0.0.0/8"]').replace("port = 5060\n", "", 1),
                                 head=f'resolvers = ["{SERVER}:{PORT}"]\n'))


def answering():
    return [Sipp("uas", address, 5060) for address in CALLEES]


def calls(count, rate=20):
    Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", count, rate, 200).finish(40)
    time.sleep(1.3)  # the answering sides write their totals once a second


def taken(uas, before=(0, 0, 0)):
    return [u.counts()[0] - b for u, b in zip(uas, before)]


@test("TDR-01")
def changes_are_followed():
    """NAPTR leads to SRV, priorities and weights hold, and a changed zone is followed within its TTL"""
    k = Knot(zone([(10, 75, 0), (10, 25, 1), (20, 0, 2)]))
    g = gateway()
    uas = answering()
    calls(120)
    first = taken(uas)
    expect(sum(first) == 120 and first[2] == 0, f"calls by address: {first}")
    expect(60 < first[0] < 115 and first[1] > 5, f"not by weight: {first}")
    k.change(zone([(10, 0, 2)]))
    time.sleep(1.5)  # the TTL is 1 s
    calls(30)
    expect(taken(uas, first) == [0, 0, 30], f"the old addresses are still used: {taken(uas, first)}")
    k.change(zone([(10, 0, 1)], naptr=False))
    time.sleep(1.5)
    before = taken(uas)
    calls(30)
    expect(taken(uas, before) == [0, 30, 0], f"without NAPTR: {taken(uas, before)}")
    k.stop()
    g.stop()


@test("TDR-01")
def each_record_lasts_for_its_own_time():
    """an address is not asked for again within its TTL, a changed NAPTR is followed within its own, and one that leads nowhere is passed over"""
    k = Knot(zone([(10, 0, 0)], ttl=40))
    g = gateway()
    uas = answering()
    began = time.monotonic()
    calls(10)
    k.change(zone([(10, 0, 1)], ttl=40))  # the same service, behind SRV of forty seconds
    time.sleep(1.2)
    calls(10)
    expect(time.monotonic() - began < 38, "this machine is too slow for this test")
    expect(taken(uas) == [20, 0, 0], f"within the TTL of SRV: {taken(uas)}")
    k.change(zone([(10, 0, 2)], service="_other._udp", ttl=40))  # NAPTR lasts for a second
    time.sleep(1.5)
    before = taken(uas)
    calls(10)
    expect(taken(uas, before) == [0, 0, 10], f"after the TTL of NAPTR: {taken(uas, before)}")
    dangling = '@ NAPTR 5 10 "s" "SIP+D2U" "" _nothing._udp\n@ NAPTR 1 1 "s" "SIPS+D2T" "" _sips._tcp\n'
    k.change(dangling + zone([(10, 0, 1)], naptr=False))
    time.sleep(1.5)
    before = taken(uas)
    calls(10)
    expect(taken(uas, before) == [0, 10, 0], f"NAPTR that leads nowhere: {taken(uas, before)}")
    k.stop()
    g.stop()


@test("TDR-01")
def served_from_the_past():
    """calls go on when the name server is gone, and follow it when it is back"""
    k = Knot(zone([(10, 0, 0)]))
    g = gateway()
    uas = answering()
    calls(10)
    k.stop()
    time.sleep(1.5)
    before = taken(uas)
    calls(20, rate=5)
    expect(taken(uas, before) == [20, 0, 0], f"without a name server: {taken(uas, before)}")
    k.write(zone([(10, 0, 1)]))
    k.start()
    time.sleep(6.5)  # a failed name is asked again after five seconds
    before = taken(uas)
    calls(20)
    expect(taken(uas, before) == [0, 20, 0], f"after its return: {taken(uas, before)}")
    k.stop()
    g.stop()


@test("TDR-01")
def failing_address_is_set_aside():
    """the next address is tried when one refuses, and later calls do not wait for it"""
    k = Knot(zone([(10, 0, 0), (20, 0, 1)]))
    g = gateway()
    uas = [Sipp("uas", CALLEES[1], 5060)]  # nobody is at the first
    first = Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", 2, 1, 200)
    first.finish(40)
    began = time.monotonic()
    Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", 10, 10, 200).finish(40)
    took = time.monotonic() - began
    # Every shard learns it for itself: a call on another one may wait its four seconds once.
    expect(took < 9, f"ten calls took {took:.1f} s: the silent address is tried first every time")
    time.sleep(1.3)
    expect(taken(uas) == [12], f"{taken(uas)}")
    k.stop()
    g.stop()


main()
