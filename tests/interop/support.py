"""What the interop tests share: a gateway under test, its peers as processes, verdicts.

Every test file runs in a network and process namespace of its own (see run): addresses never collide
with those of another test or of the host, and nothing that a test starts outlives it.
"""
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
CAUSEWAY = BUILD / "causeway"
LAB = BUILD / "causeway-lab"
LONG = os.environ.get("CAUSEWAY_INTEROP_LONG") == "1"
WORK = pathlib.Path(os.environ.get("CAUSEWAY_INTEROP_WORK") or tempfile.mkdtemp(prefix="interop."))

GATEWAY = "127.0.0.1"  # where every gateway of these tests lives
CALLER = "127.0.0.21"
CALLEE = "127.0.0.22"


class Failure(Exception):
    """The gateway did not do what the test asks."""


class Skip(Exception):
    """The test cannot run here; the text says why."""


def expect(condition, what):
    if not condition:
        raise Failure(what)


def wait_until(condition, seconds, what, step=0.05):
    """Returns what the condition gave as soon as that is true; fails when it never is."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(step)


def need(*programs):
    """All of them are of scripts/install-dependencies: one that is missing is no reason to pass."""
    for p in programs:
        if subprocess.run(["which", p], capture_output=True).returncode != 0:
            raise Failure(f"{p} is not installed: scripts/install-dependencies installs it")


# ---- processes ------------------------------------------------------------------------------------


class Process:
    """One child with its output in a file. Ended at the latest with the namespace."""

    all = []

    def __init__(self, name, args, cwd=None, env=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.log_path = WORK / f"{name}.log"
        self.log = open(self.log_path, "ab")
        self.popen = subprocess.Popen([str(a) for a in args], cwd=cwd or WORK, stdin=stdin, stdout=self.log,
                                      stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        Process.all.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def wait(self, seconds):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not end within {seconds} s: {self.tail(3)}")

    def kill(self):
        if self.alive():
            self.popen.kill()
            self.popen.wait()

    def stop(self, seconds=5):
        if self.alive():
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def output(self):
        return self.log_path.read_text(errors="replace")

    def tail(self, lines=10):
        return "\n".join(self.output().splitlines()[-lines:])


def ip(*words, inside=None):
    """`inside`: a process of the namespace that it is done in."""
    command = [*(["nsenter", "-t", str(inside), "-n"] if inside else []), "ip", *words]
    r = subprocess.run(command, capture_output=True, text=True)
    expect(r.returncode == 0, f"{' '.join(command)}: {r.stderr}")


def socket_in(process, *kind):
    """A socket in the network of that process; None: in ours."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/proc/{process.pid if process else 'self'}/ns/net", os.O_RDONLY)
    try:
        expect(libc.setns(there, 0x40000000) == 0, f"setns: {os.strerror(ctypes.get_errno())}")
        return socket.socket(*kind)
    finally:
        libc.setns(home, 0x40000000)
        os.close(home)
        os.close(there)


def stop_all():
    for p in reversed(Process.all):
        p.kill()
    Process.all.clear()


# ---- the gateway ----------------------------------------------------------------------------------


def group(name, host, port=5060, listener="a-udp", profile="operator", routes_to=(), any_number=True, options="0s",
          recognise="", extra="", peer_extra=""):
    """A peer group of one peer, as TOML. The realm is the first letter of the listener's name."""
    routes = ", ".join(f'"{r}"' for r in routes_to)
    return f"""
[[peer_group]]
name = "{name}"
region = "here"
realm = "{listener[0]}"
listener = "{listener}"
profile = "{profile}"
any_number = {str(any_number).lower()}
options_interval = "{options}"
routes_to = [{routes}]
{extra}
{"[peer_group.recognise]" if recognise else ""}
{recognise}
[[peer_group.peer]]
name = "{name}-1"
host = "{host}"
port = {port}
{peer_extra}
"""


SDES_PROFILE = """
[[profile]]
name = "secure"
extends = "operator"
[profile.sdp]
security = "sdes"
suites = ["AES_CM_128_HMAC_SHA1_80"]
"""


def configuration(*groups, directory=None, head="", operation="", limits="", listeners="", drain="1s"):
    """A whole configuration: two realms a and b on the gateway's address, UDP and TCP listeners in each."""
    d = directory or WORK
    text = f"""{head}
[operation]
control_socket = "{d}/control.sock"
state_directory = "{d}/state"
drain = "{drain}"
{operation}
[limits]
keep_one_in = 50
{limits}
[[region]]
name = "here"
[[realm]]
name = "a"
media_addresses = ["{GATEWAY}"]
media_port_min = 20000
media_port_max = 39999
[[realm]]
name = "b"
media_addresses = ["{GATEWAY}"]
media_port_min = 40000
media_port_max = 59999
"""
    for realm, port in (("a", 5060), ("b", 5070)):
        for transport in ("udp", "tcp"):
            text += f"""
[[listener]]
name = "{realm}-{transport}"
realm = "{realm}"
transport = "{transport}"
address = "{GATEWAY}:{port}"
"""
    return text + listeners + SDES_PROFILE + "".join(groups)


class Gateway:
    """The program under test, with its own configuration file and state."""

    def __init__(self, text, name="gateway"):
        self.name = name
        self.config = WORK / f"{name}.toml"
        self.config.write_text(text)
        self.socket = re.search(r'control_socket = "(.*)"', text)[1]
        self.process = None
        self.start()

    def start(self):
        self.process = Process(self.name, [CAUSEWAY, "run", "--config", self.config])
        before = self.process.output().count("is running:")

        def running():
            if not self.process.alive():
                raise Failure(f"the gateway did not start: {self.process.tail()}")
            return self.process.output().count("is running:") > before or self.ask("status")[0] == 0

        wait_until(running, 10, "the gateway starts")
        return self

    def ask(self, *words):
        """Runs one command against it: exit status, output and complaints together."""
        r = subprocess.run([str(CAUSEWAY), *[str(w) for w in words], "--socket", self.socket], capture_output=True, text=True,
                           timeout=15, cwd=WORK)
        return r.returncode, r.stdout + r.stderr

    def command(self, *words):
        code, text = self.ask(*words)
        expect(code == 0, f"causeway {' '.join(map(str, words))} failed ({code}): {text}")
        return text

    def numbers(self):
        """The line of totals in `causeway status`."""
        text = self.command("status")
        m = re.search(r"calls: (\d+) now, (\d+) begun, (\d+) answered, (\d+) failed; (\d+) media legs, (\d+) transactions", text)
        expect(m, f"no totals in the status:\n{text}")
        return dict(zip(("now", "begun", "answered", "failed", "legs", "transactions"), map(int, m.groups())))

    def dropped(self):
        """Counts of dropped and refused messages by reason, as `causeway status` shows them."""
        text = self.command("status")
        part = text.partition("MESSAGES DROPPED OR REFUSED")[2].partition("latest:")[0]
        return {m[1]: int(m[2]) for m in re.finditer(r"^(\S.*?)\s{2,}(\d+)$", part, re.M)}

    def expect_idle(self, seconds=5):
        """No call and no media leg is left behind."""
        expect(self.process.alive(), f"the gateway died: {self.process.tail()}")
        end = time.monotonic() + seconds
        while (n := self.numbers())["now"] or n["legs"]:
            expect(time.monotonic() < end, f"left behind after {seconds} s: {n}\n{self.command('calls')[:2000]}")
            time.sleep(0.1)
        return n

    def stop(self, seconds=10):
        self.process.popen.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        expect(code == 0, f"the gateway ended with {code}: {self.process.tail()}")


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


# ---- SIPp -----------------------------------------------------------------------------------------


def listening(address, port, transport="udp"):
    if ":" in address:
        words = struct.unpack("<4I", socket.inet_pton(socket.AF_INET6, address))
        want, transport = "".join(f"{w:08X}" for w in words) + f":{port:04X}", f"{transport}6"
    else:
        want = f"{struct.unpack('<I', socket.inet_aton(address))[0]:08X}:{port:04X}"
    rows = (line.split() for line in pathlib.Path(f"/proc/net/{transport}").read_text().splitlines()[1:])
    return any(row[1] == want and (transport.startswith("udp") or row[3] == "0A") for row in rows)  # 0A: LISTEN; TIME_WAIT has that address too


class Sipp(Process):
    """One SIPp. Its error trace and statistics are beside its log."""

    count = 0

    def __init__(self, scenario, address, port, to=None, calls=None, rate=100, hold_ms=500, transport="udp", user="+4930200100",
                 limit=90, extra=()):
        need("sipp")
        Sipp.count += 1
        file = scenario if isinstance(scenario, pathlib.Path) else HERE / "sipp" / f"{scenario}.xml"
        name = f"sipp-{Sipp.count}-{file.stem}"
        self.errors = WORK / f"{name}.errors"
        self.statistics = WORK / f"{name}.csv"
        args = ["sipp", "-sf", file, "-i", address, "-p", port, "-nostdin", "-trace_err",
                "-error_file", self.errors, "-trace_stat", "-stf", self.statistics, "-fd", "1", "-l", "20000",
                "-buff_size", "4194304", "-timeout", f"{limit}s", "-timeout_error", "-mi", address,
                "-t", "u1" if transport == "udp" else "t1", "-watchdog_interval", "0"]
        if to:
            args += [to, "-s", user, "-r", rate, "-m", calls, "-d", hold_ms, "-recv_timeout", "34000"]
        self.calls = calls
        super().__init__(name, args + [str(e) for e in extra])
        if not to:
            wait_until(lambda: listening(address, port, transport), 5, f"{name} listens")

    def counts(self):
        lines = self.statistics.read_text().splitlines() if self.statistics.exists() else []
        if len(lines) < 2:
            return 0, 0, 0
        row = dict(zip(lines[0].split(";"), lines[-1].split(";")))
        return int(row["TotalCallCreated"]), int(row["SuccessfulCall(C)"]), int(row["FailedCall(C)"])

    def why(self):
        text = self.errors.read_text(errors="replace") if self.errors.exists() else self.tail(5)
        return text[:1500]

    def finish(self, seconds=100, forgive=0):
        """Waits for the end of a caller; every call but `forgive` must have gone as its scenario says."""
        code = self.wait(seconds)
        made, good, bad = self.counts()
        expect((code == 0 or 0 < bad <= forgive) and good == self.calls - bad and bad <= forgive,
               f"{self.name}: exit status {code}, {made} made, {good} good, {bad} failed\n{self.why()}")
        return good


def sipp_both(gateway, caller, callee, calls, rate=100, hold_ms=500, caller_transport="udp", callee_transport="udp", port=5060,
              limit=90, user="+4930200100", forgive=0):
    """Calls from a SIPp through the gateway to another SIPp; both sides must see nothing wrong, but in `forgive` calls."""
    answering = Sipp(callee, CALLEE, 5060, transport=callee_transport, limit=limit + 60)
    calling = Sipp(caller, CALLER, 5060, f"{GATEWAY}:{port}", calls, rate, hold_ms, caller_transport, user=user, limit=limit)
    calling.finish(limit + 10, forgive)
    gateway.expect_idle()
    time.sleep(1.2)  # the answering side writes its totals once a second
    _, _, bad = answering.counts()
    expect(bad <= forgive, f"{answering.name}: {bad} failed\n{answering.why()}")
    answering.kill()


# ---- single requests ------------------------------------------------------------------------------


def ask_sip(method, address, port=5090, to=(GATEWAY, 5060), seconds=3, body=""):
    """Sends one request over UDP and returns the status of its final answer; 0 for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, port))
        n = time.monotonic_ns()
        content = "Content-Type: application/sdp\r\n" if body else ""
        s.sendto((f"{method} sip:+4930200100@{to[0]}:{to[1]} SIP/2.0\r\nVia: SIP/2.0/UDP {address}:{port};branch=z9hG4bK{n}\r\n"
                  f"From: <sip:+4930100100@{address}>;tag={n}\r\nTo: <sip:+4930200100@{to[0]}>\r\nCall-ID: {n}@{address}\r\n"
                  f"CSeq: 1 {method}\r\nContact: <sip:x@{address}:{port}>\r\nMax-Forwards: 70\r\n{content}"
                  f"Content-Length: {len(body)}\r\n\r\n{body}").encode(), to)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            s.settimeout(left)
            try:
                status = int(s.recv(65536).split(b" ", 2)[1])
            except (TimeoutError, OSError):
                return 0
            if status >= 200:
                return status
        return 0


AUDIO_SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.21\r\ns=-\r\nc=IN IP4 127.0.0.21\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
             "a=rtpmap:8 PCMA/8000\r\n")


# ---- running the tests of one file ----------------------------------------------------------------

_tests = []


def test(*proves):
    """Marks a test; its doc string's first line is its name. Ids are of the requirements it proves."""

    def mark(function):
        _tests.append((function, proves))
        return function

    return mark


def main():
    results, rows = pathlib.Path(os.environ.get("CAUSEWAY_INTEROP_RESULTS", WORK / "results.json")), []
    file = pathlib.Path(sys.argv[0]).name
    only = os.environ.get("CAUSEWAY_INTEROP_ONLY", "")
    bad = 0
    for function, proves in _tests:
        if only and only not in function.__name__:
            continue
        title = f"{file}: {function.__doc__.strip().splitlines()[0].rstrip('.')}"
        began = time.monotonic()
        try:
            function()
            result, line = "passed", "ok"
        except Skip as e:
            result, line = "skipped", f"skipped: {e}:"
        except Failure as e:
            result, line = "failed", "FAIL"
            detail = str(e)
        except Exception:
            result, line = "failed", "FAIL"
            detail = traceback.format_exc()
        stop_all()
        print(f"{line} {title} ({time.monotonic() - began:.1f} s)", flush=True)
        if result == "failed":
            bad += 1
            print("    " + detail.replace("\n", "\n    "), flush=True)
        rows += [{"id": i, "test": f"interop:{file}.{function.__name__}", "result": result} for i in proves]
        results.write_text(json.dumps({"rows": rows}))
    sys.exit(1 if bad else 0)
