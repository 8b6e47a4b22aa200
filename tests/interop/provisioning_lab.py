"""What docs/provisioning.md says to type in the lab, typed: issuer, gateway, token and requests of curl."""
from support import *


def typed():
    """The indented lines of the section, as one script in a folder of the test."""
    text = (ROOT / "docs" / "provisioning.md").read_text()
    section = text.partition("## In the lab\n")[2].partition("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    expect(len(lines) >= 9, f"the section has only {len(lines)} lines to type")
    script = "\n".join(lines).replace("run=/tmp/causeway-lab", f"run={WORK}/lab").replace("build/release/", f"{BUILD}/")
    # A person is slower than what was started behind '&'.
    until = ("for at in 11/8081 31/8443; do until (exec 3<>/dev/tcp/127.0.0.$at) 2>/dev/null; do sleep 0.1; done; done\n")
    at = script.index("token()")
    return script[:at] + until + script[at:]


def run(more=""):
    p = Process("typed", ["bash", "-ec", typed() + "\n" + more + "\nkill $(jobs -p)"], cwd=ROOT)
    expect(p.wait(60) == 0, p.tail(20))
    return p.output()


@test("P41")
def every_line_works():
    """an account and a number are made with a token of the lab's issuer, and are there"""
    need("curl", "kdig")
    out = run("""
sleep 7
bss=$(token reader)
api /accounts/contoso
kdig +short @127.0.0.31 -p 5353 TXT contoso.1r1.gw.operator.example
api /accounts/contoso -X DELETE -w '%{http_code}'
bss=$(token nobody)
api /accounts -w '%{http_code}'
bss=${bss}x
api /accounts -w '%{http_code}'
""")
    answers = [json.loads(line) for line in out.splitlines() if line.startswith("{") and line.endswith("}")]
    expect(answers[0].get("name") == "contoso", out)
    expect(answers[1].get("telephoneNumber") == "+15105850321", out)
    expect([n["telephoneNumber"] for n in answers[2]["value"]] == ["+15105850321"], out)
    expect(answers[3].get("name") == "contoso", out)
    status = answers[4].get("serviceDetails", {}).get("teamsDirectRouting", {}).get("subdomainStatus")
    expect(status == "provisioned", f"a reader may read, and the name is there: {status}\n{out}")
    expect('"MS=ms1"' in out, f"the token in the DNS:\n{out}")
    codes = re.findall(r"\}(\d{3})$", out, re.M)
    expect(codes == ["403", "403", "401"], f"of a reader who deletes, of nobody, of a broken token: {codes}\n{out}")


main()
