#!/usr/bin/env python3
"""Prints docs/interop.md, made of the reports of one run of the interop tests.

usage: tools/interop_table.py BUILD_EVENTS.json

The tests write into their reports what they tried with whom and what came of it
(tests/interop/outcome.h). Exit status: 0, or 1 if a peer is missing on this machine, 2
wrong usage or no results. Its test is tests/tools/scripts_test.py; tools/interop runs it.
"""

import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

import summarize_tests

HEAD = """# Interoperability

<!-- Made by tools/interop; what is written here by hand is lost. -->

What our client does with other people's servers, and our server with other people's clients. Each
cell is a test of `tests/interop`, run with the peer that Debian has, on a free port of this machine;
`tools/interop` runs them all and makes this page of their reports. *tls* is TLS with ALPN `h2`,
*cleartext* is HTTP/2 with prior knowledge (RFC 9113 §3.3).

**yes**: it works, and the test looks at the bytes. **-**: the peer has no way to do it. **peer**: it
fails, and the peer is at fault. Numbers lead to the notes below a table. Where something is known not
to work, the test expects just that, so that it fails once the peer has been mended.
"""

SECTIONS = (
    ("client", "Our client and their servers", "server",
     "`h2::Client`; one connection for all unless a note says otherwise. *100 at once* are 100 threads, "
     "*one stream* are 20 threads and a server that allows one stream at a time, *restart* ends the "
     "server and starts it again between requests, *drain* tells it to end while five requests are "
     "under way."),
    ("server", "Our server and their clients", "client",
     "`h2 serve`. *100 at once* are 100 requests over one connection, *one stream* are 20 requests and a "
     "limit of one, *drain* tells the server to end while ten requests are under way."),
)

# Columns in this order; what else was tried is listed below the table.
COLUMNS = ("GET", "HEAD", "POST 1 MiB", "100 at once", "50 MiB", "trailers", "request trailers", "103",
           "100-continue", "early response", "restart", "drain", "one stream")


def properties(case):
    """What a test said of itself: as elements in newer reports, as attributes in older ones."""
    said = dict(case.attrib)
    for one in case.iter("property"):
        said[one.get("name")] = one.get("value")
    return said


def read_reports(paths):
    """The results, and the names of missing peers."""
    results, missing = [], []
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            said = properties(case)
            texts = [element.get("message") or element.text or "" for kind in ("skipped", "failure")
                     for element in case.iter(kind)]
            for text in texts:
                if "peer missing: " in text:
                    peer = text.split("peer missing: ")[1].split("\n")[0].strip()
                    if peer not in missing:
                        missing.append(peer)
            if "outcome" in said:
                # What the test did not expect is no outcome to be proud of.
                if case.find("failure") is not None:
                    said["outcome"] = "failed"
                results.append(said)
    return results, missing


class Notes:
    """Numbered sentences, each once."""

    def __init__(self):
        self.sentences = []

    def number(self, sentence):
        if sentence not in self.sentences:
            self.sentences.append(sentence)
        return self.sentences.index(sentence) + 1

    def lines(self):
        return [f"{number}. {sentence}." for number, sentence in enumerate(self.sentences, 1)]


WORDS = {"ok": "yes", "not offered": "-", "peer's fault": "peer", "failed": "**FAILED**"}


def cell(result, notes):
    if result is None:
        return ""
    word = WORDS[result["outcome"]]
    if "why" in result and result["outcome"] != "failed":
        word += f" {notes.number(result['peer'] + ': ' + result['why'])}"
    return word


def section(direction, title, role, text, results):
    mine = [one for one in results if one["direction"] == direction]
    rows = list(dict.fromkeys((one["peer"], one["version"], one["security"]) for one in mine))
    titles = list(dict.fromkeys(row[0] for row in rows))
    rows.sort(key=lambda row: (titles.index(row[0]), row[2] != "tls"))
    found = {(one["peer"], one["version"], one["security"], one["tried"]): one for one in mine}
    tried = {one["tried"] for one in mine}
    columns = [column for column in COLUMNS if column in tried]
    notes = Notes()
    lines = ["", f"## {title}", "", text, "",
             f"| {role} | version | over | " + " | ".join(columns) + " |",
             "|---" * (3 + len(columns)) + "|"]
    more = []
    for row in rows:
        cells = [cell(found.get((*row, column)), notes) for column in columns]
        if any(cells):
            lines.append("| " + " | ".join((*row, *cells)) + " |")
        more += [(*row, what, cell(found[(*row, what)], notes))
                 for what in sorted(tried - set(columns)) if (*row, what) in found]
    if notes.sentences:
        lines += ["", *notes.lines()]
    if more:
        lines += ["", f"| {role} | version | over | what | outcome |", "|---|---|---|---|---|"]
        lines += ["| " + " | ".join(one) + " |" for one in more]
    return lines


def page(results, missing):
    lines = [HEAD.rstrip("\n")]
    if missing:
        lines += ["", "**Missing on the machine of this run, and so not tried: "
                  + ", ".join(missing) + ".**"]
    for direction, title, role, text in SECTIONS:
        lines += section(direction, title, role, text, results)
    return "\n".join(lines) + "\n"


def report_paths(events_path):
    paths = {}
    for event in summarize_tests.read_events(events_path):
        for output in event.get("testResult", {}).get("testActionOutput", []):
            if output.get("name") == "test.xml" and "uri" in output:
                label = event["id"]["testResult"]["label"]
                paths[label] = urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
    return [paths[label] for label in sorted(paths)]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        results, missing = read_reports(report_paths(arguments[0]))
    except (OSError, ElementTree.ParseError) as error:
        print(f"interop_table: {error}", file=sys.stderr)
        return 2
    if not results:
        print("interop_table: the run has no results", file=sys.stderr)
        return 2
    sys.stdout.write(page(results, missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
