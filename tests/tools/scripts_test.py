#!/usr/bin/env python3
"""Tests of tools/summarize_tests.py, tools/check_citations.py, tools/check_layers.py,
tools/check_migration.py, tools/check_rfc_map.py and of the arguments of the shell scripts in tools/."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import check_citations  # noqa: E402
import check_layers  # noqa: E402
import check_migration  # noqa: E402
import check_rfc_map  # noqa: E402
import interop_table  # noqa: E402
import summarize_tests  # noqa: E402


class SummarizeTests(unittest.TestCase):
    """A made-up run: events and reports in a temporary directory."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name)
        self.events = []

    def configured(self, label):
        self.events.append({"id": {"targetConfigured": {"label": label}},
                            "configured": {"testSize": "SMALL"}})

    def completed(self, label, good=True):
        self.events.append({"id": {"targetCompleted": {"label": label}},
                            "completed": {"success": True} if good else {}})

    def result(self, label, status, cases, attempt=1, shard=0):
        path = self.root / f"report {len(self.events)}.xml"
        path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
        self.events.append({
            "id": {"testResult": {"label": label, "attempt": attempt, "run": 1, "shard": shard}},
            "testResult": {"status": status, "testActionOutput": [
                {"name": "test.log", "uri": "file:///nowhere"},
                {"name": "test.xml", "uri": path.as_uri()}]}})

    def run_test(self, label, status, cases, **keywords):
        self.configured(label)
        self.completed(label)
        self.result(label, status, cases, **keywords)

    def summary(self, exit_status=0):
        path = self.root / "events.json"
        path.write_text("".join(json.dumps(event) + "\n" for event in self.events))
        return summarize_tests.summarize(path, exit_status).summary()

    PASS = '<testcase name="a" classname="A" status="run" result="completed"/>'
    FAIL = '<testcase name="b" classname="A" status="run"><failure message="x"/></testcase>'
    SKIP = '<testcase name="c" status="run" result="skipped"><skipped message="x"/></testcase>'
    DISABLED = '<testcase name="d" status="notrun" result="suppressed"/>'
    STUB = '<testcase name="t"><error message="exited with error code 134"/></testcase>'

    def test_all_pass(self):
        self.run_test("//a:t", "PASSED", self.PASS * 3)
        self.assertEqual(self.summary(), "3 passed, 0 failed")

    def test_a_failing_case_is_one_failure(self):
        self.run_test("//a:t", "FAILED", self.PASS + self.FAIL)
        self.assertEqual(self.summary(3), "1 passed, 1 failed")

    def test_skipped_and_disabled_cases_are_not_passed(self):
        self.run_test("//a:t", "PASSED", self.PASS + self.SKIP + self.DISABLED)
        self.assertEqual(self.summary(), "1 passed, 0 failed, 2 skipped")

    def test_a_crash_is_a_failure(self):
        self.run_test("//a:t", "FAILED", self.STUB)
        self.assertEqual(self.summary(3), "0 passed, 1 failed")

    def test_a_leak_after_all_cases_passed_is_a_failure(self):
        self.run_test("//a:t", "FAILED", self.PASS * 2)
        self.assertEqual(self.summary(3), "2 passed, 1 failed")

    def test_a_test_that_was_not_built_is_a_failure(self):
        self.run_test("//a:t", "PASSED", self.PASS)
        self.configured("//a:u")
        self.completed("//a:u", good=False)
        self.assertEqual(self.summary(1), "1 passed, 1 failed")

    def test_a_library_that_was_not_built_is_a_failure(self):
        self.run_test("//a:t", "PASSED", self.PASS)
        self.completed("//a:library", good=False)
        self.assertEqual(self.summary(1), "1 passed, 1 failed")

    def test_a_broken_build_file_is_a_failure(self):
        self.assertEqual(self.summary(1), "0 passed, 1 failed")

    def test_an_unexplained_exit_status_is_a_failure(self):
        self.run_test("//a:t", "PASSED", self.PASS)
        self.assertEqual(self.summary(37), "1 passed, 1 failed")

    def test_a_test_without_cases_is_a_failure(self):
        self.run_test("//a:t", "PASSED", "")
        self.assertEqual(self.summary(), "0 passed, 1 failed")

    def test_the_last_attempt_counts(self):
        self.run_test("//a:t", "FAILED", self.FAIL, attempt=1)
        self.result("//a:t", "PASSED", self.PASS, attempt=2)
        self.assertEqual(self.summary(), "1 passed, 0 failed")

    def test_shards_add_up(self):
        self.run_test("//a:t", "PASSED", self.PASS, shard=1)
        self.result("//a:t", "PASSED", self.PASS * 2, shard=2)
        self.assertEqual(self.summary(), "3 passed, 0 failed")

    def test_a_missing_report_is_a_failure(self):
        self.run_test("//a:t", "PASSED", self.PASS)
        for path in self.root.glob("*.xml"):
            path.unlink()
        self.assertEqual(self.summary(), "0 passed, 1 failed")


# The word is put together so that this file itself cites nothing.
R = "RF" + "C"


class CheckCitations(unittest.TestCase):
    RFCS = {9113: {"5", "5.1", "6.9.1", "6.10"}, 7541: {"B", "C.4"}}

    def complaints(self, text):
        return check_citations.check_text(text, self.RFCS)[0]

    def test_sections_that_exist_pass(self):
        text = f"// {R} 9113 §5.1, §6.10 and §6.9.1; {R} 7541 §C.4.\n// {R} 9113 §5."
        self.assertEqual(check_citations.check_text(text, self.RFCS), ([], 5))

    def test_a_section_that_does_not_exist_is_found(self):
        self.assertEqual(self.complaints(f"\n// {R} 9113 §6.9.2\n"), [(2, f"{R} 9113 has no §6.9.2")])

    def test_a_longer_number_is_not_taken_for_its_beginning(self):
        self.assertEqual(len(self.complaints(f"{R} 9113 §5.11")), 1)

    def test_a_wrong_section_later_in_a_list_is_found(self):
        self.assertEqual(len(self.complaints(f"{R} 9113 §5.1, §9 and §5")), 1)

    def test_an_unknown_rfc_is_found(self):
        self.assertEqual(self.complaints(f"{R} 7451 §1"), [(1, f"no text of {R} 7451")])

    def test_a_citation_across_lines_is_read(self):
        self.assertEqual(self.complaints(f"// as {R} 9113\n//   §7 says"), [(1, f"{R} 9113 has no §7")])

    def test_other_forms_are_refused(self):
        for odd in ("9113, Section 5.1", "9113 section 5.1", "9113, §5.1", "7541 Appendix B"):
            self.assertEqual(len(self.complaints(f"{R} {odd}")), 1, odd)
        self.assertEqual(len(self.complaints(f"Section 5.1 of {R} 9113")), 1)

    def test_headings_are_read_from_text_and_contents(self):
        text = "  • 1.   Introduction\n      □ 1.1.   More\n  • Appendix A.   End\n2. Two\n  3. item\n"
        self.assertEqual(check_citations.sections_of(text), {"1", "1.1", "A", "2"})


class CheckLayers(unittest.TestCase):
    def complaints(self, path, source):
        return [what for _, what in check_layers.check_source(path, source)]

    def test_downward_includes_pass(self):
        self.assertEqual(self.complaints("client/a.cc", '#include "hpack/a.h"\n#include <thread>\n'), [])
        self.assertEqual(self.complaints("tests/a.cc", '#include "tools/a.h"\n'), [])

    def test_upward_includes_are_found(self):
        for path, header in (("hpack/a.h", "h2core/b.h"), ("h2core/a.h", "transport/b.h"),
                             ("transport/a.h", "client/b.h"), ("client/a.h", "tests/b.h")):
            self.assertEqual(len(self.complaints(path, f'#include "{header}"\n')), 1, path)

    def test_an_include_that_is_no_path_from_the_root_is_found(self):
        self.assertEqual(len(self.complaints("hpack/a.cc", '#include "a.h"\n')), 1)

    def test_the_core_has_no_clock_thread_or_socket(self):
        for header in ("chrono", "thread", "mutex", "sys/socket.h", "openssl/ssl.h", "iostream"):
            self.assertEqual(len(self.complaints("h2core/a.h", f"#include <{header}>\n")), 1, header)
            self.assertEqual(self.complaints("transport/a.h", f"#include <{header}>\n"), [])

    def test_forbidden_words_in_the_core_are_found(self):
        for code in ("std::abort();", "throw 1;", "auto* p = new int;", "delete p;", "assert(x);",
                     "std::vector<int> v;", "thread_local int x;", "printf(s);", "free(p);",
                     "static int counter = 0;", "inline std::array<int, 3> table;",
                     "dynamic_cast<A*>(b)", "std::string s;", "std::get<A>(v)", "x = o.value();",
                     "p->value()", "list.at(3)", "std::stoi(s)"):
            self.assertEqual(len(self.complaints("hpack/a.cc", code + "\n")), 1, code)
            self.assertEqual(self.complaints("client/a.cc", code + "\n"), [])

    def test_what_only_looks_forbidden_passes(self):
        for code in ("// a new thread would throw", 'f("abort() new");', "static_assert(true);",
                     "A(const A&) = delete;", "::new (p) int;", "std::string_view s;",
                     "static constexpr int kOne = 1;", "inline constexpr int kTwo[] = {2};",
                     "inline namespace v0 {", "static int f();", "/* delete\n it */ int x;",
                     "static int f(int a) { return a; }", "char c = '\"'; int renew = 1'000'000;", "std::get_if<A>(&v)",
                     "id.value + value()", "o.value_or(3)", "at(3)"):
            self.assertEqual(self.complaints("hpack/a.cc", code + "\n"), [], code)

    def test_the_line_is_right(self):
        self.assertEqual(check_layers.check_source("hpack/a.cc", "/*\n*/\n\nthrow 1;\n")[0][0], 4)


class CheckRfcMap(unittest.TestCase):
    """A made-up RFC and map, files of which are the repository's; then the real map."""

    TEXT = ("  • 5.  Contents\n\n1. One\n\nKey words.\n\n1.1. Rules\n\nA peer MUST answer. It\nMUST NOT"
            " ask,\nand SHOULD\nwait.\n\n2. Two\n\n3. this is\nno heading. You MUST NOT sleep.\n\n"
            "Appendix A. End\n\nNothing is HTTP_1_1_REQUIRED.\n")
    TEST = "`tests/h2core/stream_state_test.cc: StreamState.NamesAreDistinct`"
    CASE = "`tests/h2core/hostile_cases.cc: server: PING as the first frame`"
    ROWS = (f"| 1.1 | A peer MUST answer. | `h2core/frame.cc` | {TEST} |",
            f"| 1.1 | It MUST NOT ask, ... SHOULD wait | `h2core/frame.cc`, `h2core/frame.h` | {CASE} |",
            "| 2 | You MUST NOT sleep. | - | not applicable: binds people |")

    def complaints(self, *changes, texts=None):
        """Of the made-up map, with each (from, to) of the changes made."""
        text = "## RFC 9113\n\n| § | requirement | kept by | proved by |\n|---|---|---|---|\n"
        text += "\n".join(self.ROWS) + "\n"
        for before, after in changes:
            self.assertIn(before, text)
            text = text.replace(before, after)
        rfcs = {9113: self.TEXT} if texts is None else texts
        return [what for _, what in check_rfc_map.check(text, rfcs, ROOT)[0]]

    def test_a_right_map_passes(self):
        self.assertEqual(self.complaints(), [])

    def test_sections_are_told_from_contents_and_lists(self):
        self.assertEqual(list(check_rfc_map.sections_of(self.TEXT)), ["1", "1.1", "2", "A"])

    def test_a_requirement_without_a_row_is_found(self):
        for row, rules in zip(self.ROWS, (1, 2, 1)):
            found = self.complaints((row, ""))
            self.assertEqual(len(found), rules, found)
            self.assertIn("is not covered", found[0])

    def test_a_quote_that_leaves_the_key_word_out_is_found(self):
        self.assertIn("is not covered", " ".join(self.complaints(("You MUST NOT sleep", "sleep"))))

    def test_a_wrong_section_is_found(self):
        self.assertIn("not in section 1: 'A peer MUST answer.'",
                      self.complaints(("| 1.1 | A peer", "| 1 | A peer")))
        self.assertIn("RFC 9113 has no section 1.2",
                      self.complaints(("| 1.1 | A peer", "| 1.2 | A peer")))

    def test_a_quote_that_is_not_in_the_text_is_found(self):
        self.assertIn("not in section 1.1: 'A peer MUST reply.'",
                      self.complaints(("MUST answer", "MUST reply")))

    def test_a_quote_that_could_be_either_of_two_is_found(self):
        self.assertIn("more than once in section 1.1: 'MUST'",
                      self.complaints(("A peer MUST answer.", "MUST")))

    def test_a_missing_file_is_found(self):
        self.assertEqual(self.complaints(("h2core/frame.h", "h2core/no.h")), ["no such file: 'h2core/no.h'"])

    def test_a_missing_test_is_found(self):
        self.assertEqual(len(self.complaints(("NamesAreDistinct", "NamesAreDistinc"))), 1)
        self.assertEqual(len(self.complaints(("StreamState.Names", "StreamStat.Names"))), 1)
        self.assertEqual(len(self.complaints(("stream_state_test.cc", "no_test.cc"))), 1)

    def test_a_missing_case_is_found(self):
        self.assertEqual(self.complaints(("PING as the first frame", "PING as the second frame")),
                         ["no such case: 'server: PING as the second frame'"])

    def test_a_row_needs_a_test_or_a_reason(self):
        self.assertEqual(len(self.complaints((self.TEST, "some test"))), 1)
        self.assertEqual(len(self.complaints(("not applicable: binds people", "not applicable: "))), 1)
        self.assertEqual(self.complaints((self.TEST, "permitted choice: it is quicker this way")), [])

    def test_a_broken_row_is_found(self):
        self.assertIn("not a row of four columns under an RFC's heading",
                      self.complaints((" | - | not", " | not")))

    def test_without_texts_files_and_tests_are_checked_all_the_same(self):
        self.assertEqual(self.complaints(("MUST answer", "MUST reply"), texts={}), [])
        self.assertEqual(len(self.complaints(("NamesAreDistinct", "No"), texts={})), 1)

    def run_on(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if name != "CI"}
        return subprocess.run([sys.executable, str(ROOT / "tools" / "check_rfc_map.py"), *arguments],
                              capture_output=True, text=True, check=False, env=environment)

    def test_the_map_of_the_repository_is_right(self):
        done = self.run_on()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertRegex(done.stdout, r"\b2\d\d rows checked, .* 0 wrong")

    def test_a_map_that_lost_a_row_is_wrong_if_the_texts_are_there(self):
        page = (ROOT / "docs" / "rfc9113_map.md").read_text(encoding="utf-8")
        lines = page.splitlines(keepends=True)
        rows = [i for i, line in enumerate(lines) if line.startswith("| 6.")]
        with tempfile.TemporaryDirectory() as directory:
            doctored = pathlib.Path(directory, "map.md")
            doctored.write_text("".join(lines[:rows[7]] + lines[rows[7] + 1:]), encoding="utf-8")
            with_texts = self.run_on(str(doctored))
            without = self.run_on("--shared", directory, str(doctored))
        if "no RFC texts" in with_texts.stdout:
            self.skipTest("no RFC texts; set H2_SHARED")
        self.assertEqual(with_texts.returncode, 1)
        self.assertIn("is not covered", with_texts.stdout)
        self.assertEqual(without.returncode, 0)
        self.assertIn("only files and tests were checked", without.stdout)

    def test_a_map_that_is_not_there_is_wrong_usage(self):
        done = self.run_on("/nowhere/map.md")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nowhere/map.md", done.stderr)


class Version(unittest.TestCase):
    def test_is_the_same_in_the_library_and_in_what_is_installed(self):
        header = (ROOT / "h2core/version.h").read_text()
        install = (ROOT / "tools/install/BUILD.bazel").read_text()
        self.assertEqual(re.search(r'kVersion = "([\d.]+)"', header)[1],
                         re.search(r'version = "([\d.]+)"', install)[1])


class Migration(unittest.TestCase):
    """The migration documents as they are, and with something wrong in them."""

    HEADERS = check_migration.Headers(check_migration.our_headers(ROOT))
    H2 = {"version": "0", "names": {"ping": ["opaque_data"], "streams": []},
          "members": {"PingReceived": ["ping_data"], "ErrorCodes": ["CANCEL"]}}

    @staticmethod
    def text(name):
        return (ROOT / name).read_text(encoding="utf-8")

    def document(self, name, old="", new=""):
        text = self.text(name)
        self.assertIn(old, text)
        return check_migration.Document(name, text.replace(old, new))

    def without_row(self, name, beginning):
        lines = self.text(name).splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(beginning)]
        self.assertEqual(len(kept), len(lines) - 1, beginning)
        return check_migration.Document(name, "".join(kept))

    def names(self, *document):
        return check_migration.check_our_names(self.document(*document), self.HEADERS)

    def run_tool(self, *arguments, **environment):
        return subprocess.run(
            [sys.executable, str(ROOT / "tools" / "check_migration.py"), *arguments], text=True,
            capture_output=True, check=False, env={**os.environ, "CI": "", **environment})

    def test_the_documents_are_right(self):
        for name in (check_migration.FROM_H2, check_migration.FROM_NGHTTP2):
            self.assertEqual(self.names(name), [])
        done = self.run_tool()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^\d{3} rows for h2, \d{3} for nghttp2, 0 complaints$")

    def test_a_wrong_name_is_found(self):
        h2, ng = check_migration.FROM_H2, check_migration.FROM_NGHTTP2
        for name, old, new in (
                (h2, "| `Connection::ping` |", "| `Connection::pong` |"),
                (h2, "`Config::validate_outbound_headers`", "`Config::validate_outgoing_headers`"),
                (h2, "`ErrorCode::kCancel`", "`ErrorCode::kCancelled`"),
                (h2, "`DataReceived::flow_controlled_length`", "`DataReceived::length`"),
                (ng, "`is_method`", "`is_verb`"),
                (ng, "`hpack::Decoder::decode`", "`hpack::Decoder::inflate`"),
                (ng, "| `nghttp2_vec` | `Bytes` |", "| `nghttp2_vec` | `Connection::impl_` |"),
                # In the text, not in a table.
                (h2, "`Connection::receive_end` turns", "`Connection::receive_fin` turns")):
            complaints = self.names(name, old, new)
            self.assertTrue(complaints, new)
            self.assertRegex(complaints[0], rf"^{name}:\d+: '\S+' is not in our public headers$")

    def test_a_struct_that_is_no_event_is_found_among_the_events(self):
        complaints = self.names(check_migration.FROM_H2, "`RemoteSettingsChanged`, `Remote",
                                "`OriginsView`, `Remote")
        self.assertEqual(len(complaints), 1)
        self.assertIn("'OriginsView' is not an event", complaints[0])

    def test_a_missing_row_of_h2_is_found(self):
        name = check_migration.FROM_H2
        self.assertEqual(check_migration.check_h2(self.document(name), self.H2), [])
        for document, missing in (
                (self.without_row(name, "| `streams` |"), "'streams' of H2Connection has no row"),
                (self.document(name, "`ping(opaque_data)`", "`ping(data)`"),
                 "'ping' has no row with (opaque_data)"),
                (self.without_row(name, "| `PingReceived`"), "'PingReceived' has no row"),
                (self.document(name, "`PingReceived`: `.ping_data`", "`PingReceived`: `.data`"),
                 "'PingReceived.ping_data' has no row"),
                (self.without_row(name, "| `ErrorCodes.CANCEL`"), "'ErrorCodes.CANCEL' has no row")):
            self.assertEqual(check_migration.check_h2(document, self.H2),
                             [f"{name}: {missing} (h2 0)"])

    def test_a_missing_row_of_nghttp2_is_found(self):
        name = check_migration.FROM_NGHTTP2
        names = check_migration.nghttp2_names(
            "/* nghttp2_in_comment() */\n#define NGHTTP2_MAX_WEIGHT 256\n"
            "typedef enum {\n  NGHTTP2_ERR_FLOODED = -904,\n  NGHTTP2_ERR_NOMEM\n} nghttp2_error;\n"
            "struct nghttp2_stream;\n"
            "typedef int (*nghttp2_send_callback)(nghttp2_session *session);\n"
            "NGHTTP2_EXTERN int\nnghttp2_submit_ping(nghttp2_session *session);\n")
        self.assertEqual(names, ["NGHTTP2_ERR_FLOODED", "NGHTTP2_ERR_NOMEM", "NGHTTP2_MAX_WEIGHT",
                                 "nghttp2_error", "nghttp2_send_callback", "nghttp2_stream",
                                 "nghttp2_submit_ping"])
        self.assertEqual(check_migration.check_nghttp2(self.document(name), names), [])
        for row, missing in (("| `nghttp2_submit_ping` |", "nghttp2_submit_ping"),
                             ("| `nghttp2_send_callback`,", "nghttp2_send_callback"),
                             ("| `NGHTTP2_ERR_FLOODED` |", "NGHTTP2_ERR_FLOODED")):
            self.assertEqual(check_migration.check_nghttp2(self.without_row(name, row), names),
                             [f"{name}: '{missing}' has no row"])

    def test_a_call_of_ours_that_no_document_names_is_found(self):
        h2, ng = check_migration.FROM_H2, check_migration.FROM_NGHTTP2
        self.assertEqual(check_migration.check_own_calls(
            [self.document(h2), self.document(ng)], self.HEADERS), [])
        for name in ("Connection::why", "Config::hash_seed", "ExtensionFrameReceived",
                     "Errc::kQueueFull", "Errc::kPriorityNotOffered"):
            documents = [check_migration.Document(file, self.text(file).replace(f"`{name}`", "it"))
                         for file in (h2, ng)]
            self.assertEqual(check_migration.check_own_calls(documents, self.HEADERS),
                             [f"{h2} and {ng}: '{name}' of ours is in neither"])

    def test_headers_are_read_as_a_compiler_would(self):
        headers = check_migration.Headers({"h2core/a.h": """
            #define LATER \\
              int later();
            namespace h2::inline v0::hpack { struct Field { int size = 1; }; }
            namespace h2::inline v0 {
            using hpack::Field;
            template <class T> class Outer : public std::vector<T> {
              int hidden_;
              class Impl { public: int inner(); };
             public:
              Outer(int a = {}, int b = 0);
              ~Outer();
              enum class Kind : char { kOne = 1 << 3, kTwo };
              static constexpr int kMost = 3;
              Result<void, Error> send(std::function<void(int)> f) const { return g({}); }
              int (*choose)(int) noexcept = nullptr;
              std::array<int, 3> list{};
              friend bool operator==(const Outer&, const Outer&) = default;
             private:
              void secret();
            };
            // int comment();
            }"""})
        self.assertEqual(sorted(headers.names), sorted([
            "hpack::Field", "hpack::Field::size", "Field", "Field::size", "Outer", "Outer::Outer",
            "Outer::Kind", "Outer::Kind::kOne", "Outer::Kind::kTwo", "Outer::kMost", "Outer::send",
            "Outer::choose", "Outer::list"]))

    def test_a_missing_peer_is_skipped_and_fails_on_ci(self):
        nowhere = ("--nghttp2", "/no/such/nghttp2.h", "--python", "/no/such/python")
        done = self.run_tool(*nowhere)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("skipped: docs/from_h2.md: no Python with h2\n", done.stdout)
        self.assertIn("skipped: docs/from_nghttp2.md: no /no/such/nghttp2.h\n", done.stdout)
        self.assertEqual(self.run_tool(*nowhere, CI="true").returncode, 1)

    def test_a_tree_that_is_not_ours_is_wrong_usage(self):
        with tempfile.TemporaryDirectory() as directory:
            done = self.run_tool("--root", directory)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("usage:", done.stderr)

    # The other end of the Python example's socket: POSTs more than a window.
    CLIENT = """
class Sock:
    def __init__(self):
        self.conn = h2.connection.H2Connection()
        self.conn.initiate_connection()
        self.conn.send_headers(1, [(":method", "POST"), (":scheme", "https"),
                                   (":authority", "example.com"), (":path", "/")])
        self.left, self.heard = 200000, b""
        self.pump()
    def pump(self):
        while self.left:
            size = min(self.left, self.conn.local_flow_control_window(1), 16384)
            if size == 0:
                return
            self.left -= size
            self.conn.send_data(1, b"x" * size, end_stream=self.left == 0)
    def sendall(self, data):
        for event in self.conn.receive_data(data):
            self.heard += getattr(event, "data", b"")
        self.pump()
    def recv(self, size):
        return self.conn.data_to_send(size)
sock = Sock()
serve(sock)
print(sock.heard.decode(), end="")
"""

    def test_the_python_example_serves(self):
        for interpreter in (sys.executable, "/usr/bin/python3"):
            if subprocess.run([interpreter, "-c", "import h2"], capture_output=True,
                              check=False).returncode == 0:
                break
        else:
            self.assertNotEqual(os.environ.get("CI"), "true", "no Python with h2")
            self.skipTest("no Python with h2")
        example = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "readme" / "extract.py"),
             str(ROOT / check_migration.FROM_H2), "from_h2_python"],
            capture_output=True, text=True, check=True).stdout
        done = subprocess.run([interpreter, "-c", example + self.CLIENT], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.stdout, done.stderr), ("200000 bytes\n", ""))


class InteropTable(unittest.TestCase):
    """Results as the tests report them, made up."""

    @staticmethod
    def result(outcome="ok", tried="GET", peer="nginx", security="tls", **more):
        return {"direction": "client", "peer": peer, "version": "1.2.3", "security": security,
                "tried": tried, "outcome": outcome, **more}

    def read(self, cases):
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as report:
            report.write(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
            report.flush()
            return interop_table.read_reports([report.name])

    def case(self, inner="", outcome="ok"):
        said = "".join(f'<property name="{name}" value="{value}"/>'
                       for name, value in self.result(outcome).items())
        return f'<testcase name="a"><properties>{said}</properties>{inner}</testcase>'

    def test_what_a_test_said_is_read(self):
        results, missing = self.read(self.case())
        self.assertEqual(results[0]["peer"], "nginx")
        self.assertEqual(results[0]["outcome"], "ok")
        self.assertEqual(missing, [])

    def test_attributes_of_older_reports_are_read(self):
        said = " ".join(f'{name}="{value}"' for name, value in self.result().items())
        self.assertEqual(self.read(f'<testcase name="a" {said}/>')[0][0]["outcome"], "ok")

    def test_a_failing_test_is_failed_whatever_it_said(self):
        for outcome in ("ok", "not offered", "peer's fault"):
            results, _ = self.read(self.case('<failure message="x"/>', outcome))
            self.assertEqual(results[0]["outcome"], "failed")

    def test_a_missing_peer_is_named_and_has_no_row(self):
        skipped = '<testcase name="a"><skipped message="x.cc:1&#x0A;peer missing: h2o"/></testcase>'
        failed = '<testcase name="b"><failure message="x.cc:1&#x0A;peer missing: Caddy&#x0A;"/></testcase>'
        results, missing = self.read(skipped + skipped + failed)
        self.assertEqual((results, missing), ([], ["h2o", "Caddy"]))
        page = interop_table.page([self.result()], missing)
        self.assertIn("Missing on the machine of this run, and so not tried: h2o, Caddy.", page)

    def test_cells_and_notes(self):
        page = interop_table.page([
            self.result(), self.result(tried="103", outcome="not offered", why="it is old"),
            self.result(security="cleartext", tried="103", outcome="peer's fault", why="it is wrong"),
            self.result(peer="other", tried="103", outcome="failed", why="it is old"),
            self.result(peer="other", tried="tea", outcome="ok")], [])
        self.assertIn("| server | version | over | GET | 103 |", page)
        self.assertIn("| nginx | 1.2.3 | tls | yes | - 1 |", page)
        self.assertIn("| nginx | 1.2.3 | cleartext |  | peer 2 |", page)
        self.assertIn("| other | 1.2.3 | tls |  | **FAILED** |", page)
        self.assertIn("1. nginx: it is old.\n2. nginx: it is wrong.\n", page)
        self.assertIn("| other | 1.2.3 | tls | tea | yes |", page)

    def test_a_run_without_results_is_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as events:
            run = subprocess.run([sys.executable, str(ROOT / "tools" / "interop_table.py"), events.name],
                                 capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        self.assertIn("no results", run.stderr)

    def test_the_page_has_every_peer_and_no_failure(self):
        page = (ROOT / "docs" / "interop.md").read_text(encoding="utf-8")
        titles = []
        for source in ("servers.cc", "server_interop_test.cc"):
            text = (ROOT / "tests" / "interop" / source).read_text(encoding="utf-8")
            titles += re.findall(r'\{"[a-z0-9_]+",\s+"([^"]+)",\s+\{\{', text)
        self.assertGreaterEqual(len(titles), 20)
        for title in [*titles, "headless Chromium", "h2load"]:
            self.assertIn(f"| {title} |", page)
        self.assertNotIn("FAILED", page)
        self.assertNotIn("Missing on", page)


class ShellScripts(unittest.TestCase):
    def run_tool(self, *command):
        return subprocess.run(["bash", *command], cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)

    def test_setup_lists_packages_one_a_line(self):
        done = self.run_tool("tools/setup", "--print")
        self.assertEqual(done.returncode, 0)
        self.assertIn("bazel-bootstrap", done.stdout.splitlines())

    def test_setup_refuses_an_unknown_argument(self):
        done = self.run_tool("tools/setup", "--no-such-thing")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("usage:", done.stderr)

    def test_help_of_the_test_script_runs_nothing(self):
        done = self.run_tool("tools/test", "--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("usage:", done.stdout)


if __name__ == "__main__":
    unittest.main()
