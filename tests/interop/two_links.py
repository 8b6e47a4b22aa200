"""Two links with a namespace at the other end of each, and one between the two; and who hears what on them."""
import threading

from scenarios import *

# By side: our address on its link, its own there, and its own on the link between the two.
SIDES = {"cloud": ("10.78.1.1", "10.78.1.2", "10.78.9.21"), "branch": ("10.78.2.1", "10.78.2.2", "10.78.9.22")}
INSIDE = "10.78.1.3"  # our address for users inside


def links():
    """The process whose namespace each side is."""
    out = {}
    for side, (ours, theirs, _) in SIDES.items():
        # A link goes with the namespace of the test before, some time after that has ended.
        wait_until(lambda: side not in dict(socket.if_nameindex()).values(), 10, f"the link {side} is gone")
        p = out[side] = Process(f"net-{side}", ["unshare", "--net", "sleep", "100"])
        wait_until(lambda: os.readlink(f"/proc/{p.pid}/ns/net") != os.readlink("/proc/self/ns/net"), 3, "a namespace")
        ip("link", "add", side, "type", "veth", "peer", "name", "gateway", "netns", str(p.pid))
        ip("address", "add", f"{ours}/24", "dev", side)
        ip("link", "set", side, "up")
        ip("address", "add", f"{theirs}/24", "dev", "gateway", inside=p.pid)
        ip("link", "set", "gateway", "up", inside=p.pid)
    ip("address", "add", f"{INSIDE}/24", "dev", "cloud")
    cloud, branch = out["cloud"].pid, out["branch"].pid
    ip("link", "add", "lan", "type", "veth", "peer", "name", "lan", "netns", str(branch), inside=cloud)
    for side, p in out.items():
        ip("address", "add", f"{SIDES[side][2]}/24", "dev", "lan", inside=p.pid)
        ip("link", "set", "lan", "up", inside=p.pid)
        ip("route", "add", SIDES[side][2], "via", SIDES[side][1])  # we could get there, too
    return out


class Wire:
    """Every packet of RTP that a namespace sees, sent or received: how many by (source, destination, first byte of the payload)."""

    def __init__(self, process=None):
        self.seen = collections.Counter()
        self.socket = socket_in(process, socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.socket.settimeout(0.1)
        self.open = True
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while self.open:
            try:
                p = self.socket.recv(4000)
            except TimeoutError:
                continue
            at = (p[0] & 15) * 4 + 8 if p else 0
            if len(p) > at + 12 and p[0] >> 4 == 4 and p[9] == 17 and p[at] >> 6 == 2 and p[at + 1] & 127 == 8:
                self.seen[socket.inet_ntoa(p[12:16]), socket.inet_ntoa(p[16:20]), p[at + 12]] += 1

    def close(self):
        self.open = False
        self.thread.join()
        self.socket.close()
        return self.seen
