#!/usr/bin/env python3
"""What happens to RTP on its way through one shard: packets lost, and the time that is added to each.

Calls are set up by SIP over UDP with examples/bench.toml, in a network namespace of its own; their RTP is media_load's
(bench/media_load.cc): a packet each 20 ms from both sides of each call. The gateway runs on the second processor, all else on the
first: wants a machine without other work, and says how much of it there was.

usage: media.py BUILD_DIR [loss] [latency] [kernel]     all unless named

loss     1,000 calls (CAUSEWAY_MEDIA_CALLS: another number) for 60 s (CAUSEWAY_MEDIA_SECONDS). Fails when a packet did not arrive, or
         the gateway's counters and the generator's do not agree. Then fewer calls are tried, for 20 s, and what was held is said.
latency  500 calls: in three runs of 20 s the median that the gateway adds is to be under 60 us, the 99th percentile under 500 us;
         with 200 full TLS handshakes a second and 20 calls between PCMU and Opus beside them, that under 3 ms. What is added is the
         difference from a run without the gateway, beside the same other load. Medians of the three. The 3 ms are judged with `kernel` alone: handshakes and the
         shard share one processor here, in slices of 3 to 4 ms.
kernel   both again with operation.kernel_relay on the loopback interface; skipped, and said so, where the kernel refuses.
"""
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = pathlib.Path("/tmp/causeway-bench-media")
TICK = os.sysconf("SC_CLK_TCK")
METRICS = "127.0.0.1:9464"
GATEWAY = ("127.0.0.1", 5060)
TLS = ("127.0.0.1", 5061)
HANDSHAKES, SPARE = 200, 0.95  # a second, and the share of them that must have been made
CODED = 20
WARM_UP = 2
SETTLED = 6  # until calls may be in the kernel
in_kernel = False
GRAIN = 200  # us: leaves time for the client of the handshakes on the same processor
MICROSECONDS = {"alone": (60, 500), "with the rest": (None, 3_000)}

MORE = f"""
[metrics]
listen = "{METRICS}"

[[tls_identity]]
name = "gateway"
certificate = "tls/gateway.crt"
key = "tls/gateway.key"
trusted_roots = ["tls/ca.crt"]

[[listener]]
name = "tls"
realm = "loopback"
transport = "tls"
address = "{TLS[0]}:{TLS[1]}"
tls_identity = "gateway"

[[profile]]
name = "opus"
extends = "operator"

[profile.sdp]
codecs = ["opus"]
"""


def group(name, port, more, listener="udp", profile="operator", recognise=None):
    return f"""
[[peer_group]]
name = "{name}"
region = "here"
realm = "loopback"
listener = "{listener}"
profile = "{profile}"
any_number = true
options_interval = "0s"
{more}

[peer_group.recognise]
sources = ["127.0.0.1"]
{recognise or f"source_ports = [{port}]"}

[[peer_group.peer]]
name = "{name}-1"
host = "127.0.0.1"
port = {port}
"""


def configuration():
    text = ((ROOT / "examples" / "bench.toml").read_text().replace("/tmp/causeway-bench", str(STATE)) + MORE +
            group("pcmu", 5071, 'routes_to = ["opus"]') + group("opus", 5081, "", profile="opus") +
            group("service", 5091, "", "tls", recognise='certificate_names = ["*.pstnhub.example"]'))
    return text.replace("[operation]", '[operation]\nkernel_relay = ["lo"]') if in_kernel else text


def on(processor):
    return ["taskset", "-c", str(processor)] if os.cpu_count() > 1 else []


def own_share():
    """In a new process: the kernel shares a processor out by session first, and then by niceness within each."""
    os.setsid()
    try:
        pathlib.Path("/proc/self/autogroup").write_text("-20")
    except OSError:
        pass  # not allowed, or not that kernel


# ---- what the machine says ------------------------------------------------------------------------


def scheduled(pid):
    """Of the process and of its shard: seconds that it ran, and that it was ready and did not."""
    tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    times = [list(map(int, (t / "schedstat").read_text().split())) for t in tasks]
    shard = max(times for times, t in zip(times, tasks) if (t / "comm").read_text().strip() != "handshakes")
    return [n / 1e9 for n in (sum(t[0] for t in times), *shard[:2])]


def processors():
    """Of the first two: seconds idle (what runs is sampled, and not seen when it is short), and stolen by the host."""
    rows = [list(map(int, m[1].split())) for m in re.finditer(r"^cpu\d+ (.*)$", pathlib.Path("/proc/stat").read_text(), re.M)]
    return [((r[3] + r[4]) / TICK, r[7] / TICK) for r in rows[:2]]


def udp():
    names, values = (line.split()[1:] for line in pathlib.Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:"))
    return dict(zip(names, map(int, values)))


class Watched:
    """CPU of the gateway and of both processors while it runs."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        self.at, self.ran, self.all, self.net = time.monotonic(), scheduled(self.pid), processors(), udp()
        return self

    def __exit__(self, *_):
        self.wall = time.monotonic() - self.at
        self.cpu, self.shard, self.wait = (b - a for a, b in zip(self.ran, scheduled(self.pid)))
        self.all = [[b - a for a, b in zip(*pair)] for pair in zip(self.all, processors())]
        self.net = {name: n - self.net[name] for name, n in udp().items()}

    def text(self):
        def share(seconds):
            return f"{max(0, seconds) / self.wall * 100:.0f} %"
        busy = [self.wall - idle for idle, _ in self.all]
        return (f"processors {' and '.join(map(share, busy))} busy, {share(max(s for _, s in self.all))} stolen; of the second the gateway took "
                f"{share(self.cpu)} and others {share(busy[-1] - self.cpu)}; the shard, which ran {share(self.shard)}, waited {self.wait / self.wall * 100:.1f} %")


# ---- the gateway ----------------------------------------------------------------------------------


class Gateway:
    def __init__(self, build):
        shutil.rmtree(STATE, ignore_errors=True)
        STATE.mkdir()
        subprocess.run([str(build / "causeway-lab"), "certs", str(STATE / "tls")], check=True, stdout=subprocess.DEVNULL)
        config = STATE / "media.toml"
        config.write_text(configuration())
        self.log = open(STATE / "gateway.log", "w")
        self.process = subprocess.Popen([*on(1), str(build / "causeway"), "run", "--config", str(config)], stdout=self.log, stderr=self.log,
                                        preexec_fn=own_share)
        self.pid = self.process.pid
        for _ in range(100):
            if (STATE / "control.sock").exists():
                break
            time.sleep(0.1)
        else:
            sys.exit(f"the gateway did not start within 10 s: {(STATE / 'gateway.log').read_text()[-1000:]}")

    def metrics(self):
        with urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=10) as r:
            rows = (line.rsplit(" ", 1) for line in r.read().decode().splitlines() if not line.startswith("#"))
            return {name: float(value) for name, value in rows}

    def until(self, name, value):
        for _ in range(100):
            if self.metrics()[name] == value:
                return
            time.sleep(0.1)
        sys.exit(f"{name} did not become {value}, but {self.metrics()[name]}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


# ---- both peers -----------------------------------------------------------------------------------


def header(name, text):
    return re.search(rf"^{name}: (.*)\r$", text, re.M)[1]


def media_of(text):
    """Where the other side wants RTP, and its first payload type."""
    m = re.search(r"^m=audio (\d+) \S+ (\d+)", text, re.M)
    return f"{re.search(r'^c=IN IP4 ([0-9.]+)', text, re.M)[1]}:{m[1]}", m[2]


class Call:
    def __init__(self, n):
        self.id = f"{n}-{time.monotonic_ns()}@bench"
        self.local = self.to = self.target = None
        self.over = False


class Peers:
    """A caller and a callee on two ports of 127.0.0.1; where their RTP is, is for media_load to open."""

    count = 0

    def __init__(self, calling, called, coded):
        self.coded = coded
        self.ports = calling, called
        self.sockets = []
        for port in self.ports:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.bind(("127.0.0.1", port))
            self.sockets.append(s)
        self.calls, self.answers, self.lines = {}, {}, []

    def sdp(self, address, port, codec):
        number = "111" if codec.startswith("opus") else "0"
        return (f"v=0\r\no=bench 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP {number}\r\n"
                f"a=rtpmap:{number} {codec}\r\na=ptime:20\r\n")

    def request(self, method, call, body=""):
        port = self.ports[0]
        content = "Content-Type: application/sdp\r\n" if body else ""
        self.sockets[0].sendto((f"{method} {call.target or 'sip:callee@127.0.0.1:5060'} SIP/2.0\r\n"
                                f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{call.id.partition('@')[0]};rport\r\n"
                                f"From: <sip:+4930100100@127.0.0.1:{port}>;tag=c{call.id.partition('-')[0]}\r\n"
                                f"To: {call.to or '<sip:callee@127.0.0.1:5060>'}\r\nCall-ID: {call.id}\r\n"
                                f"CSeq: {2 if method == 'BYE' else 1} {method}\r\nContact: <sip:party@127.0.0.1:{port}>\r\n"
                                f"Max-Forwards: 70\r\n{content}Content-Length: {len(body)}\r\n\r\n{body}").encode(), GATEWAY)

    def place(self, address):
        """A port for RTP with the next for RTCP, below the gateway's; the same for both sides of a call."""
        Peers.count += 1
        return address, 4_000 + 4 * Peers.count

    def on_caller(self, text):
        call = self.calls.get(header("Call-ID", text))
        status = int(text.split(" ", 2)[1])
        if call is None or status < 200:
            return
        if status >= 300:
            sys.exit(f"a call was refused: {text.splitlines()[0]}")
        if header("CSeq", text).endswith("BYE"):
            call.over = True
            return
        if call.to is None:
            call.to, call.target = header("To", text), re.search(r"<(.*?)>", header("Contact", text))[1]
            remote, number = media_of(text)
            self.lines.append((call.local, remote, number, "pcmu" if self.coded else ""))
        self.request("ACK", call)

    def on_callee(self, text, sender):
        method, key = text.partition(" ")[0], (header("Call-ID", text), header("CSeq", text))
        if method == "ACK":
            return
        if key not in self.answers:
            keep = "".join(f"{line}\r\n" for line in text.split("\r\n") if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq"))
            to, body = header("To", text), ""
            if method == "INVITE":
                to += f";tag=s{len(self.answers)}"
                address, port = self.place("127.0.0.3")
                remote, number = media_of(text)
                body = self.sdp(address, port, "opus/48000/2" if self.coded else "PCMU/8000").replace("111", number)
                self.lines.append((f"{address}:{port}", remote, number, "opus" if self.coded else ""))
            content = "Content-Type: application/sdp\r\n" if body else ""
            self.answers[key] = (f"SIP/2.0 200 OK\r\n{keep}To: {to}\r\nContact: <sip:party@127.0.0.1:{self.ports[1]}>\r\n{content}"
                                 f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
        self.sockets[1].sendto(self.answers[key], sender)

    def serve(self, seconds, done):
        end = time.monotonic() + seconds
        while not done() and (left := end - time.monotonic()) > 0:
            for s in select.select(self.sockets, [], [], left)[0]:
                data, sender = s.recvfrom(65536)
                self.on_caller(data.decode()) if s is self.sockets[0] else self.on_callee(data.decode(), sender)

    def set_up(self, count, rate=100):
        made = []
        for n in range(count):
            call = Call(len(self.calls))
            self.calls[call.id] = call
            made.append(call)
            address, port = self.place("127.0.0.2")
            call.local = f"{address}:{port}"
            self.request("INVITE", call, self.sdp(address, port, "PCMU/8000"))
            self.serve(1 / rate, lambda: False)
        self.serve(10, lambda: all(c.to for c in made))
        if not all(c.to for c in made):
            sys.exit(f"{sum(c.to is None for c in made)} of {count} calls were not answered")

    def hang_up(self, rate=200):
        for call in self.calls.values():
            self.request("BYE", call)
            self.serve(1 / rate, lambda: False)
        self.serve(10, lambda: all(c.over for c in self.calls.values()))
        if not all(c.over for c in self.calls.values()):
            sys.exit("a BYE was not answered")
        self.calls.clear()
        self.lines.clear()

    def close(self):
        for s in self.sockets:
            s.close()


def direct(lines):
    """The same endpoints, in pairs, without anybody between them."""
    plain = [line for line in lines if not line[3]]
    return [(a[0], b[0], "0", "") for pair in zip(plain[::2], plain[1::2]) for a, b in (pair, pair[::-1])]


def media_load(build, lines, seconds, warm_up=WARM_UP, realtime=False, grain=0):
    """realtime: nothing else on its processor may hold it up, as it sleeps between packets; grain: us, see media_load."""
    file = STATE / "endpoints"
    file.write_text("".join(" ".join(line) + "\n" for line in lines))
    first = ["chrt", "-f", "10"] if realtime else []
    r = subprocess.run([*on(0), *first, str(build / "media_load"), str(file), str(seconds), str(warm_up), str(grain)], stdout=subprocess.PIPE, text=True,
                       timeout=seconds + warm_up + 60, preexec_fn=own_share)
    if r.returncode != 0:
        sys.exit(f"media_load ended with {r.returncode}")
    return json.loads(r.stdout)


def times(t):
    return f"p50 {t['p50']:.0f}, p90 {t['p90']:.0f}, p99 {t['p99']:.0f}, p99.9 {t['p99.9']:.0f}, most {t['max']:.0f}"


ODD = ("repeated", "reordered", "wrong_source", "wrong_type", "ssrc_changes", "crossed", "foreign", "unstamped", "heard_nothing", "send_errors")


def odd(r):
    return [f"{r[name]} {name}" for name in ODD if r[name]]


# ---- TLS beside it --------------------------------------------------------------------------------


def handshakes(seconds):
    """Full handshakes, TLS 1.2: its client's is over when the gateway has checked the client's certificate. Prints (made, failed)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(STATE / "tls" / "ca.crt")
    context.load_cert_chain(STATE / "tls" / "phone-system.crt", STATE / "tls" / "phone-system.key")
    threads, begin, counts = 16, time.monotonic(), []

    def run(first):
        good = bad = 0
        n = first
        while (at := n / HANDSHAKES) < seconds:
            time.sleep(max(0, begin + at - time.monotonic()))
            if time.monotonic() - begin > seconds:
                break
            try:
                with socket.create_connection(TLS, timeout=5) as s, context.wrap_socket(s, server_hostname="sbc.operator.example") as t:
                    good += not t.session_reused
            except OSError:
                bad += 1
            n += threads
        counts.append((good, bad))

    all_threads = [threading.Thread(target=run, args=(i,)) for i in range(threads)]
    for t in all_threads:
        t.start()
    for t in all_threads:
        t.join()
    print(*map(sum, zip(*counts)))


class Handshakes:
    def __init__(self, build, seconds):
        self.seconds = seconds
        self.process = subprocess.Popen([*on(0), sys.executable, __file__, str(build), "--handshakes", str(seconds)], stdout=subprocess.PIPE, text=True)

    def finish(self):
        """Made in a second, and how many failed."""
        good, bad = map(int, self.process.communicate(timeout=self.seconds + 60)[0].split())
        return good / self.seconds, bad


# ---- steps ----------------------------------------------------------------------------------------


def lossless(build, calls, seconds):
    g = Gateway(build)
    peers = Peers(5070, 5080, False)
    try:
        peers.set_up(calls)
        before = g.metrics()
        with Watched(g.pid) as w:
            r = media_load(build, peers.lines, seconds, warm_up=1)
        peers.hang_up()
        g.until("causeway_calls", 0)
        delta = {name: g.metrics()[name] - before.get(name, 0) for name in
                 ("causeway_media_packets_total", "causeway_media_lost_total", "causeway_datagrams_dropped_total", "causeway_loop_stalls_total")}
    finally:
        peers.close()
        g.stop()
    taken, missed, unsent, stalls = map(int, delta.values())
    ours = r["lost"] - r["own_drops"]
    trouble = odd(r)
    if ours > 0:
        trouble.append(f"{ours} lost on the way")
    if taken != r["sent"] or missed or unsent:
        trouble.append("the gateway counted otherwise than the generator")
    print(f"loss: {calls} calls, {seconds + 1} s: {r['sent']} sent, {r['received']} came, {r['own_drops']} dropped by the generator's own sockets; "
          f"gateway: {taken} received, {missed} missed, {unsent} not sent, {stalls} stalls; "
          f"kernel: {w.net['RcvbufErrors']} without room, {w.net['SndbufErrors']} not sent{''.join(f'; {t.upper()}' for t in trouble)}")
    print(f"      {w.cpu / r['sent'] * 1e6:.2f} us of CPU a packet, {r['sent'] / (seconds + 1):.0f} packets/s; {w.text()}")
    print(f"      generator late by {times(r['late'])} us; through the gateway {times(r['delay_all'])} us", flush=True)
    return not trouble


def loss(build):
    calls, seconds = int(os.environ.get("CAUSEWAY_MEDIA_CALLS", "1000")), int(os.environ.get("CAUSEWAY_MEDIA_SECONDS", "60"))
    if lossless(build, calls, seconds):
        return True
    for part in (0.8, 0.6, 0.4, 0.2):
        if lossless(build, int(calls * part), min(20, seconds)):
            print(f"loss: held {int(calls * part)} calls")
            break
    return False


def latency_run(build, g, lines, seconds, rest):
    """Added (p50, p99) in us; trouble, if any."""
    short = max(5, seconds // 4)
    grain = GRAIN if rest else 0
    warm_up = SETTLED if in_kernel else WARM_UP
    tls = Handshakes(build, short + warm_up) if rest else None
    bare = media_load(build, direct(lines), short, warm_up, realtime=True, grain=grain)
    if tls:
        tls.finish()
        tls = Handshakes(build, seconds + warm_up)
    with Watched(g.pid) as w:
        r = media_load(build, lines, seconds, warm_up, realtime=True, grain=grain)
    added = tuple(r["delay"][p] - bare["delay"][p] for p in ("p50", "p99"))
    trouble = odd(r) + ([f"{r['lost'] - r['own_drops']} lost"] if r["lost"] > r["own_drops"] else [])
    beside = ""
    if tls:
        made, failed = tls.finish()
        beside = (f"; {made:.0f} handshakes/s, {failed} failed; of speech least came {r['least_pcmu'] * 100:.1f} % as PCMU, "
                  f"{r['least_opus'] * 100:.1f} % as Opus")
        if made < HANDSHAKES * SPARE:
            trouble.append("too few handshakes")
        if min(r["least_pcmu"], r["least_opus"]) < 0.98 or not r["coded_sent"]:
            trouble.append("speech is missing")
    print(f"latency: added p50 {added[0]:.1f} us, p99 {added[1]:.1f} us; through {times(r['delay'])}; direct {times(bare['delay'])}"
          f"{beside}{''.join(f'; {t.upper()}' for t in trouble)}")
    print(f"         all packets {times(r['delay_all'])}, of which {100 - r['delay']['packets'] / r['delay_all']['packets'] * 100:.2f} % were sent late: by "
          f"{times(r['late'])}; {w.text()}", flush=True)
    return added, trouble


def latency(build):
    seconds = int(os.environ.get("CAUSEWAY_MEDIA_SECONDS", "20"))
    g = Gateway(build)
    plain, coded = Peers(5070, 5080, False), Peers(5071, 5081, True)
    good = True
    try:
        plain.set_up(500)
        for name, limits in MICROSECONDS.items():
            if name != "alone":
                coded.set_up(CODED)
                g.until("causeway_transcoded_calls", CODED)
            runs = [latency_run(build, g, plain.lines + coded.lines, seconds, name != "alone") for _ in range(3)]
            p50, p99 = (statistics.median(added[i] for added, _ in runs) for i in (0, 1))
            judged = name == "alone" or in_kernel  # the handshakes have the shard's processor, too
            over = judged and any(limit is not None and value >= limit for limit, value in zip(limits, (p50, p99)))
            good = good and not over and not any(trouble for _, trouble in runs)
            wanted = f"{'' if limits[0] is None else f'{limits[0]} and '}{limits[1]} us wanted" + ("" if judged else ", not judged")
            print(f"latency: {name}: p50 {p50:.1f} us, p99 {p99:.1f} us added at 500 calls, {wanted}{'   OVER ITS LIMIT' if over else ''}", flush=True)
        coded.hang_up()
        plain.hang_up()
        g.until("causeway_calls", 0)
    finally:
        plain.close()
        coded.close()
        g.stop()
    return good


def kernel(build):
    global in_kernel
    in_kernel = True
    try:
        g = Gateway(build)
        refused = re.search(r"operation.kernel_relay: .*", (STATE / "gateway.log").read_text())
        g.stop()
        if refused:
            print(f"kernel: skipped: {refused[0]}")
            return True
        print("with operation.kernel_relay:", flush=True)
        return all([loss(build), latency(build)])
    finally:
        in_kernel = False


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    if sys.argv[2:3] == ["--handshakes"]:
        return handshakes(float(sys.argv[3]))
    if os.environ.get("CAUSEWAY_MEDIA_INSIDE") != "1":
        os.execvpe("unshare", ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv],
                   {**os.environ, "CAUSEWAY_MEDIA_INSIDE": "1"})
    own_share()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    steps = {"loss": loss, "latency": latency, "kernel": kernel}
    good = True
    for name in sys.argv[2:] or steps:
        good = steps[name](build) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
