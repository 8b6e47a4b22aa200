#!/usr/bin/env python3
"""Includes point one way (ARCHITECTURE.md), and no vendor is named where only profiles may speak.

usage: check-includes.py SOURCE_DIR
"""
import pathlib
import re
import sys

# What each room of src/ may include besides itself. Rooms not named here may include nothing.
BASE = {"base"}
EDGES = {
    "base": set(),
    "sip": BASE,
    "sdp": BASE,
    "rtp": BASE,
    "codec": BASE,
    "tone": BASE,
    "ice": BASE | {"rtp"},
    "reactor": BASE,
    "kernel": BASE,
    "telemetry": BASE,
    "dns": BASE | {"reactor"},
    "rules": BASE | {"sip", "sdp"},
    "deployment": BASE | {"rules"},
    "directory": BASE,
    "policy": BASE | {"deployment", "directory"},
    "transport": BASE | {"reactor", "sip", "deployment", "telemetry", "dns", "policy"},
}
EDGES["peers"] = EDGES["transport"] | {"transport", "policy"}
EDGES["media"] = BASE | {"rtp", "tone", "ice", "sdp", "codec", "reactor", "kernel"}
EDGES["call"] = EDGES["peers"] | EDGES["media"] | {"directory", "peers", "media", "rules"}
# Names are answered from snapshots; no call has a part in it.
EDGES["nameserver"] = BASE | {"deployment", "directory"}
# What is provisioned never sees a call, a socket of SIP or a shard.
EDGES["store"] = BASE | {"directory"}
EDGES["provisioning"] = BASE | {"directory", "store"}
EDGES["app"] = set(EDGES) | {"app"}

# Plain types: headers that these rooms may see although the room itself is out of bounds.
PLAIN = {"directory/service.h", "sdp/plain.h", "sip/header_id.h", "sip/headers.h", "tone/cadence.h", "tone/wav.h"}
SEES_PLAIN = {"codec", "deployment", "directory", "policy"}

# A vendor's habit is a field of a profile, never a branch in these rooms.
NO_VENDORS = ["call", "media", "policy", "transport", "sip", "peers", "rules"]
VENDORS = re.compile(r"teams|microsoft|zoom|pstnhub|phone system", re.IGNORECASE)

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in {".h", ".cc"})


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1)


def check_rooms(root, faults):
    src = root / "src"
    rooms = {p.name for p in src.iterdir() if p.is_dir()}
    for room in sorted(rooms):
        if room not in EDGES:
            faults.append(f"src/{room}: a room without edges in cmake/check-includes.py")
            continue
        for path in sources(src / room):
            for number, header in includes(path):
                other = header.split("/")[0]
                if other == room or other in EDGES[room] or other not in rooms:
                    continue
                if room in SEES_PLAIN and header in PLAIN:
                    continue
                faults.append(f'{path.relative_to(root)}:{number}: {room} may not include "{header}"')


def check_lab(root, faults):
    """The lab shares nothing with the gateway but base, or a bug could cancel out on both sides. What it rehearses is a
    configuration: that is read by the loader that would put it in force."""
    allowed = {"lab/rehearsal_cast.cc": {"deployment/load.h"}}
    lab = root / "lab"
    rooms = {p.name for p in (root / "src").iterdir() if p.is_dir()} - BASE
    if not lab.is_dir():
        return
    for path in sources(lab):
        for number, header in includes(path):
            here = (path.parent / header).exists() or (lab / header).exists()
            if header.split("/")[0] in rooms and not here and header not in allowed.get(path.relative_to(root).as_posix(), ()):
                faults.append(f'{path.relative_to(root)}:{number}: the lab may not include "{header}"')


def check_vendors(root, faults):
    for room in NO_VENDORS:
        for path in sources(root / "src" / room):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = VENDORS.search(line)
                if found:
                    faults.append(f"{path.relative_to(root)}:{number}: names a vendor "
                                  f"('{found.group(0)}'); put the habit into a profile")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    faults = []
    check_rooms(root, faults)
    check_lab(root, faults)
    check_vendors(root, faults)
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
