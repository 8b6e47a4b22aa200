#!/usr/bin/env python3
"""A gateway follows its store; killed, it begins again with what lies on its own disk while the store is away.

usage: directory_test.py CAUSEWAY
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from world import Issuer, free_port, CONFIGURATION, certificate

BINARY = sys.argv[1]


class Gateway:
    def __init__(self, folder, config):
        self.folder, self.config, self.log = folder, config, os.path.join(folder, "log")
        self.start()

    def start(self):
        self.process = subprocess.Popen([BINARY, "run", "--config", self.config], stderr=open(self.log, "a"))
        self.until("it answers", lambda: "causeway" in self.status())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def status(self):
        if self.process.poll() is not None:
            raise RuntimeError(open(self.log).read())
        out = subprocess.run([BINARY, "status", "--config", self.config], capture_output=True, text=True)
        return out.stdout

    def until(self, what, condition, seconds=30):
        end = time.time() + seconds
        while not condition():
            assert time.time() < end, (what, self.status(), open(self.log).read())
            time.sleep(0.05)


def numbers(status):
    found = re.search(r"directory: (\d+) numbers of (\d+) accounts", status)
    return found and int(found.group(1))


def main():
    with tempfile.TemporaryDirectory() as folder:
        issuer = Issuer(folder)
        certificate(folder)
        api, metrics, sip = free_port(), free_port(), free_port()
        store = folder + "/store/store.db"
        os.mkdir(folder + "/store")
        text = CONFIGURATION.format(folder=folder, port=api, issuer=issuer.url, rate=0)
        text = text.replace("[provisioning]\n", f'[metrics]\nlisten = "127.0.0.1:{metrics}"\n[provisioning]\nstore = "{store}"\n')
        text = text.replace("[operation]\n", f'[operation]\ncontrol_socket = "{folder}/control.sock"\n')
        text = text.replace("127.0.0.1:5060", f"127.0.0.1:{sip}")
        config = folder + "/causeway.toml"
        with open(config, "w") as f:
            f.write(text)

        def command(*words):
            subprocess.run([BINARY, *words, "--config", config], check=True, stdout=subprocess.DEVNULL)

        def metric(name):
            body = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics").read().decode()
            found = re.search(rf"^{name} (\S+)$", body, re.M)
            return found and float(found.group(1))

        gateway = Gateway(folder, config)
        try:
            run(folder, store, gateway, command, metric)
        finally:
            gateway.process.kill()
    print("good")


def run(folder, store, gateway, command, metric):
    command("account", "set", "contoso", "serviceDetails_zoomPhoneCloudPeering_enabled=true", "serviceDetails_zoomPhoneCloudPeering_syncEnabled=false")
    command("number", "set", "+15105850321", "accountName=contoso", "serviceDetails_zoomPhoneCloudPeering_enabled=true")
    began = time.time()
    gateway.until("the change is live", lambda: numbers(gateway.status()) == 1)
    assert time.time() - began < 1, "a change took longer than a second"
    assert "from the store" in gateway.status()
    assert metric("causeway_directory_numbers") == 1 and metric("causeway_directory_follows_store") == 1
    snap = folder + "/state/directory.snap"
    file_is_new = lambda: os.path.exists(snap) and os.path.getmtime(snap) > began
    gateway.until("the file is written", file_is_new)
    time.sleep(0.1)

    # Killed, and the store is away when it begins again: it routes by its own disk, and says so.
    gateway.kill()
    os.rename(folder + "/store", folder + "/away")
    gateway.start()
    gateway.until("it says that the store is away", lambda: "ALARM: the store is away" in gateway.status())
    status = gateway.status()
    assert numbers(status) == 1 and "from the local file" in status and "store reached never" in status, status
    assert metric("causeway_directory_follows_store") == 0 and metric("causeway_directory_numbers") == 1
    assert metric("causeway_directory_store_reached_seconds") is None
    assert "calls go on by change" in open(gateway.log).read()

    # It comes back with a number more; no restart is needed, for calls or for the API.
    os.rename(folder + "/away", folder + "/store")
    command("number", "set", "+15105850322", "accountName=contoso", "serviceDetails_zoomPhoneCloudPeering_enabled=true")
    gateway.until("it follows again", lambda: numbers(gateway.status()) == 2 and "ALARM: the store" not in gateway.status())
    gateway.until("the API is served", lambda: "the API is served at" in open(gateway.log).read().split("calls go on by change")[1])

    # A damaged store does not keep a gateway from starting, nor does a damaged file beside it.
    gateway.process.terminate()
    assert gateway.process.wait(20) == 0
    for name, damage in ((store, b"\xff" * 4096), (snap, b"x")):
        with open(name, "r+b") as f:
            f.seek(0 if name == store else os.path.getsize(name) // 2)
            f.write(damage)
    for rest in ("-wal", "-shm"):
        if os.path.exists(store + rest):
            os.remove(store + rest)
    gateway.start()
    gateway.until("it says that the store is away", lambda: "ALARM: the store is away" in gateway.status())
    status = gateway.status()
    assert numbers(status) == 1 and "ALARM: the directory's local file" in status and "may be deleted" in status, status


if __name__ == "__main__":
    main()
