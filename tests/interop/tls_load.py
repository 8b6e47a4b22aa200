"""Many calls over TLS, from the lab's load generator."""
from support import *

CALLS = 3000 if LONG else 300


def load(transport):
    subprocess.run([str(LAB), "config", str(WORK), *(["--operator-transport", "tcp"] if transport == "tcp" else [])], check=True,
                   capture_output=True)
    g = Gateway((WORK / "causeway.toml").read_text())
    generator = Process(f"load-{transport}", [LAB, "load", "--certs", WORK / "tls", "--transport", transport, "--calls", CALLS, "--rate", 50,
                                              "--hold", 500, "--wait", 15])
    code = generator.wait(60 + CALLS // 25)
    expect(code == 0, f"the load generator ended with {code}: {generator.tail(20)}")
    g.expect_idle()
    n = g.numbers()
    expect(n["answered"] == CALLS and n["failed"] == 0, f"the gateway counts otherwise: {n}")
    g.stop()


@test()
def from_tls():
    """TLS calls from Phone System to the operator"""
    load("tls")


@test()
def to_tls():
    """calls from the operator by UDP, to TLS"""
    load("udp")


@test()
def tcp_to_tls():
    """calls from the operator by TCP, to TLS"""
    load("tcp")


main()
