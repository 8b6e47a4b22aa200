"""cmake/check-includes.py finds each kind of fault in a small made-up tree."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "cmake" / "check-includes.py"


def faults(files):
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch)
        for name in ["src/base/net.h", "src/sip/message.h", "src/sip/headers.h", "src/call/call.h"]:
            files.setdefault(name, "")
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        run = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
        assert (run.returncode != 0) == bool(run.stdout), run
        return run.stdout.splitlines()


class CheckIncludes(unittest.TestCase):
    def test_downward_includes_are_fine(self):
        self.assertEqual(faults({"src/call/leg.cc": '#include "sip/message.h"\n#include "call/call.h"\n#include <map>\n'}), [])

    def test_upward_includes_are_faults(self):
        self.assertEqual(faults({"src/sip/x.cc": '#include "base/net.h"\n#include "call/call.h"\n'}),
                         ['src/sip/x.cc:2: sip may not include "call/call.h"'])

    def test_policy_sees_the_plain_types_of_sip_only(self):
        self.assertEqual(faults({"src/policy/x.cc": '#include "sip/headers.h"\n'}), [])
        self.assertEqual(len(faults({"src/policy/x.cc": '#include "sip/message.h"\n'})), 1)

    def test_the_lab_shares_base_alone(self):
        self.assertEqual(faults({"lab/x.cc": '#include "base/net.h"\n#include "phone.h"\n'}), [])
        self.assertEqual(len(faults({"lab/x.cc": '#include "sip/message.h"\n'})), 1)
        self.assertEqual(faults({"lab/rehearsal_cast.cc": '#include "deployment/load.h"\n', "src/deployment/load.h": ""}), [])
        self.assertEqual(len(faults({"lab/rehearsal_cast.cc": '#include "sip/message.h"\n'})), 1)
        self.assertEqual(len(faults({"lab/x.cc": '#include "deployment/load.h"\n', "src/deployment/load.h": ""})), 1)
        self.assertEqual(faults({"lab/x.cc": '#include "sip/own.h"\n', "lab/sip/own.h": ""}), [])

    def test_vendors_are_named_in_profiles_alone(self):
        self.assertEqual(len(faults({"src/call/x.cc": "// Zoom does this\n"})), 1)
        self.assertEqual(faults({"src/deployment/x.cc": "// Zoom does this\n"}), [])

    def test_a_room_needs_edges(self):
        self.assertEqual(len(faults({"src/attic/x.cc": ""})), 1)


unittest.main()
