"""Four services and three enterprises behind one gateway: calls from each number land where they should.

Run by scripts/demo --services, it shows each call as it is placed.
"""
import csv
import io
import subprocess

from support import *

SHOW = os.environ.get("CAUSEWAY_DEMO") == "1"
FIXED, MOBILE = "127.0.0.21", "127.0.0.22"
SERVICES = {"operator-connect": "127.0.0.31", "teams-phone-mobile": "127.0.0.32", "direct-routing": "127.0.0.33",
            "zoom-phone": "127.0.0.34"}
KEY = {"operator-connect": "teamsOperatorConnect", "teams-phone-mobile": "teamsPhoneMobile", "direct-routing": "teamsDirectRouting",
       "zoom-phone": "zoomPhoneCloudPeering"}
ACCOUNTS = {"Contoso": ("c0000000-0000-4000-8000-000000000001", "contoso", ["direct-routing", "zoom-phone"]),
            "Fabrikam": ("f0000000-0000-4000-8000-000000000002", "fabrikam", ["operator-connect", "direct-routing"]),
            "Tailspin": ("70000000-0000-4000-8000-000000000003", None, ["teams-phone-mobile"])}
NUMBERS = {"+441632960001": ("Contoso", "direct-routing", "gold"), "+441632960002": ("Contoso", "zoom-phone", "silver"),
           "+441632960011": ("Fabrikam", "operator-connect", ""), "+441632960012": ("Fabrikam", "direct-routing", ""),
           "+447700900021": ("Tailspin", "teams-phone-mobile", "")}
REGION = "1r1.sbc.example.net"

HEAD = """[provisioning]
store = "{work}/store.db"
[routing]
custom_header = "X-MS-Operator-Content"
voicemail_pilot = "+441632960999"
[emergency]
sos = ["999", "112"]
[[profile]]
name = "core"
extends = "operator"
number_format = "national"
[[profile]]
name = "service"
extends = "operator"
number_format = "e164_plus"
[[profile]]
name = "tenants"
extends = "service"
contact_host = "{region}"
customer_in_contact = true
"""
UK = '[peer_group.numbers]\ncountry = "44"\nnational_prefix = "0"\ninternational_prefix = "00"\n'


def world():
    """The gateway with its trunks and services, and a SIPp that answers for each of them."""
    routes = list(SERVICES)
    groups = [group("fixed", FIXED, profile="core", routes_to=routes, any_number=False, extra='trunk = "fixed"\ntrusted = true\n' + UK),
              group("mobile", MOBILE, profile="service", routes_to=routes, any_number=False,
                    extra='trunk = "mobile_terminating"\ntrusted = true\n')]
    for name, address in SERVICES.items():
        groups.append(group(name, address, listener="b-udp", profile="tenants" if name == "direct-routing" else "service",
                            routes_to=["fixed"], any_number=False, extra=f'service = "{name}"\ntrusted = true\n'))
    g = Gateway(configuration(*groups, head=HEAD.format(work=WORK, region=REGION)))
    provision(g)
    answering = {}
    for name, address in {**SERVICES, "fixed": FIXED}.items():
        answering[name] = Sipp("uas", address, 5060, extra=("-trace_msg", "-message_file", WORK / f"{name}.messages"))
    return g, answering


def store(*words, text=None):
    r = subprocess.run([str(CAUSEWAY), *words, "--store", str(WORK / "store.db")], input=text, capture_output=True, text=True, timeout=30)
    expect(r.returncode == 0, f"causeway {' '.join(words)}: {r.stdout}{r.stderr}")


def table(rows):
    out = io.StringIO()
    w = csv.DictWriter(out, sorted({k for r in rows for k in r}))
    w.writeheader()
    w.writerows(rows)
    return out.getvalue()


def number_row(number, account, service, header):
    return {"telephoneNumber": number, "accountName": account, f"serviceDetails_{KEY[service]}_enabled": "true",
            **({f"serviceDetails_{KEY[service]}_assignmentStatus": "assigned",
                f"serviceDetails_{KEY[service]}_configuration_usage": "CallingUserAssignment",
                f"serviceDetails_{KEY[service]}_configuration_choosableCapabilities": "InboundCalling;OutboundCalling"}
               if service in ("operator-connect", "teams-phone-mobile") else {}),
            **({"configuration_customSipHeader": header} if header else {})}


def provision(g):
    """Three enterprises and five numbers, as an operator without a BSS would."""
    accounts = []
    for name, (tenant, subdomain, services) in ACCOUNTS.items():
        row = {"name": name, "serviceDetails_teamsTenantId": tenant}
        for s in services:
            row[f"serviceDetails_{KEY[s]}_enabled"] = "true"
            row[f"serviceDetails_{KEY[s]}_syncEnabled"] = "false"
        if subdomain:
            c = "serviceDetails_teamsDirectRouting_configuration"
            row |= {f"{c}_subdomain": subdomain, f"{c}_subdomainTokens_region1Token": "MS=ms1", f"{c}_subdomainTokens_region2Token": "MS=ms2"}
        accounts.append(row)
    store("account", "import", "-", text=table(accounts))
    store("number", "import", "-", text=table([number_row(n, *what) for n, what in NUMBERS.items()]))
    wait_until(lambda: f"{len(NUMBERS)} numbers" in g.command("status"), 5, "the numbers reach the shards")


def messages_of(name):
    path = WORK / f"{name}.messages"
    return path.read_text(errors="replace") if path.exists() else ""


def invites_at(name):
    """Every INVITE that this side received, whole, in order of arrival."""
    out = []
    for part in re.split(r"^-{5,}.*$", messages_of(name), flags=re.M):
        m = re.search(r"^(INVITE sip:.*)", part, re.M | re.S)
        if m and "received" in part[:m.start()]:
            out.append(m[1])
    return out


def header(message, name):
    m = re.search(rf"^{re.escape(name)}:\s*(.*?)\s*$", message, re.M | re.I)
    return m[1] if m else ""


PORT = iter(range(5100, 5900))


def place(g, frm, calling, called, to, host=GATEWAY, status=200, **headers):
    """One call. Returns the INVITE that arrived at `to`; nothing arrives when another status is expected."""
    text = (HERE / "sipp" / ("uac.xml" if status == 200 else "uac_refused.xml")).read_text()
    text = text.replace("+4930100100", calling).replace("+4930200100", called).replace('response="504"', f'response="{status}"')
    text = text.replace("INVITE sip:[service]@[remote_ip]:[remote_port]", f"INVITE sip:[service]@{host}")
    text = text.replace("timewait milliseconds=\"4000\"", "timewait milliseconds=\"50\"")
    text = text.replace("Max-Forwards: 70\nAllow", "".join(f"{k.replace('_', '-')}: {v}\n" for k, v in headers.items()) + "Max-Forwards: 70\nAllow")
    port = next(PORT)
    name = f"call_{port}"
    scenario = WORK / f"{name}.xml"
    scenario.write_text(text)
    listener = 5060 if frm in (FIXED, MOBILE) else 5070
    before = {n: len(invites_at(n)) for n in [*SERVICES, "fixed"]}
    calling_side = Process(f"sipp-{name}", ["sipp", "-sf", scenario, "-i", frm, "-p", port, "-mi", frm, f"{GATEWAY}:{listener}", "-s", called,
                                            "-m", 1, "-r", 1, "-d", 200, "-nostdin", "-trace_err", "-error_file", WORK / f"{name}.errors",
                                            "-timeout", "20s", "-timeout_error", "-t", "u1", "-recv_timeout", "10000"])
    code = calling_side.wait(30)
    who = {v: k for k, v in {**SERVICES, "fixed trunk": FIXED, "mobile trunk": MOBILE}.items()}[frm]
    errors = WORK / f"{name}.errors"
    expect(code == 0, f"{calling} calls {called} from {who}, expecting {status}: {errors.read_text()[:1500] if errors.exists() else calling_side.tail()}")
    arrived = {n: invites_at(n)[before[n]:] for n in before}
    landed = [n for n, i in arrived.items() if i]
    expect(landed == ([to] if to else []), f"{calling} calls {called} from {who}: landed at {landed}, not at {to}")
    if SHOW:
        print(f"  {who:<18} {calling:>14} calls {called:<14} -> {('answered by ' + to) if to else str(status):<32}"
              f" {header(arrived[to][0], 'Contact') if to else ''}", flush=True)
    return arrived[to][0] if to else ""


@test("OC-04", "ZM-17", "TPM-01", "TPM-04", "MT-06", "MT-10")
def towards_the_services():
    """the called number chooses the service, from a fixed and a mobile trunk"""
    need("sipp")
    g, _ = world()
    i = place(g, FIXED, "02079460000", "01632960001", "direct-routing")
    expect(i.startswith("INVITE sip:+441632960001@"), i)
    expect(f"@contoso.{REGION}:" in header(i, "Contact"), f"Contact: {header(i, 'Contact')}")
    expect(header(i, "X-MS-Operator-Content") == "gold", i)
    expect("+442079460000" in header(i, "From"), i)
    i = place(g, FIXED, "02079460000", "01632960012", "direct-routing")
    expect(f"@fabrikam.{REGION}:" in header(i, "Contact"), f"Contact: {header(i, 'Contact')}")
    i = place(g, FIXED, "02079460000", "01632960002", "zoom-phone")
    expect(header(i, "X-MS-Operator-Content") == "silver", i)
    place(g, FIXED, "02079460000", "01632960011", "operator-connect")
    place(g, FIXED, "02079460000", "01632960077", "operator-connect")  # nobody's: the default of a fixed trunk
    i = place(g, MOBILE, "+447700900099", "+447700900021", "teams-phone-mobile")
    expect(header(i, "X-MS-FMC") == "MT", i)
    place(g, FIXED, "02079460000", "01632960999", "teams-phone-mobile")  # the mailbox
    place(g, MOBILE, "+447700900099", "+447700900021", None, status=482, X_MS_FMC="APP")  # came from there
    place(g, FIXED, "02079460000", "999", None, status=403)  # the operator's network keeps its emergencies
    g.expect_idle()
    g.stop()


@test("MT-07", "MT-08", "OC-01", "ZM-17", "EM-02")
def from_the_services():
    """the operator hears whose call it is, and strangers are refused"""
    need("sipp")
    g, _ = world()
    contoso = f"contoso.{REGION}"
    i = place(g, SERVICES["direct-routing"], "+441632960001", "+442079460000", "fixed", host=contoso)
    expect(i.startswith("INVITE sip:02079460000@"), i)
    expect(header(i, "X-MS-TenantID") == ACCOUNTS["Contoso"][0], i)
    expect(header(i, "X-MS-Operator-Content") == "gold", i)
    place(g, SERVICES["direct-routing"], "+441632960012", "+442079460000", None, host=contoso, status=403)  # another's number
    place(g, SERVICES["zoom-phone"], "+441632960002", "+442079460000", "fixed")
    place(g, SERVICES["zoom-phone"], "+441632960777", "+442079460000", None, status=403)  # provisioned for nobody
    i = place(g, SERVICES["operator-connect"], "+441632960011", "+442079460000", "fixed", X_MS_TenantID="t-1")
    expect(header(i, "X-MS-TenantID") == "t-1", i)
    for dialled in ("999", "+44999"):  # a stranger calls for help, in either form
        i = place(g, SERVICES["direct-routing"], "+4999", dialled, "fixed", host=contoso)
        expect(i.startswith("INVITE sip:999@"), i)
    calls = g.command("calls", "--failed")
    expect(" 403" in calls, calls)
    shown = g.command("trace", next(line.split()[0] for line in calls.splitlines()[1:] if "+441632960012" in line))
    expect("is not a direct-routing number of" in shown, shown)
    g.expect_idle()
    g.stop()


@test()
def a_write_is_obeyed_within_a_second():
    """a number that moves to another service is routed there within a second"""
    need("sipp")
    g, _ = world()
    place(g, FIXED, "02079460000", "01632960002", "zoom-phone")
    message = WORK / "question.sip"
    message.write_text("INVITE sip:01632960002@gw SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.21;branch=z9hG4bKq\nFrom: <sip:1@x>;tag=1\n"
                       "To: <sip:01632960002@gw>\nCall-ID: q\nCSeq: 1 INVITE\nContact: <sip:127.0.0.21>\nMax-Forwards: 70\n")

    def service():
        return json.loads(g.command("explain", message, "--from", "fixed", "--json"))["service"]

    expect(service() == "zoom-phone", service())
    store("number", "delete", "+441632960002")
    store("number", "import", "-", text=table([number_row("+441632960002", "Contoso", "direct-routing", "moved")]))
    began = time.monotonic()
    wait_until(lambda: service() == "direct-routing", 2, "the change is in force")
    expect(time.monotonic() - began < 1.2, f"it took {time.monotonic() - began:.2f} s")
    i = place(g, FIXED, "02079460000", "01632960002", "direct-routing")
    expect(header(i, "X-MS-Operator-Content") == "moved", i)
    text = g.command("explain", message, "--from", "fixed-1")
    expect("provisioned for direct-routing, account 'Contoso'" in text and f"contoso.{REGION}" in text, text)
    g.stop()
    off = subprocess.run([str(CAUSEWAY), "explain", str(message), "--from", "fixed", "--offline", "--config", str(g.config)],
                         capture_output=True, text=True)
    expect("provisioned for direct-routing" in off.stdout, off.stdout + off.stderr)


main()
