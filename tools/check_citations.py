#!/usr/bin/env python3
"""Checks that every RFC section our sources cite exists.

usage: tools/check_citations.py [--shared DIRECTORY] [FILE]...

Without files: all *.h, *.cc and *.md of the repository. A citation looks exactly
like 'RFC 9113 §6.9.1'; several sections of one RFC may follow each other: 'RFC 9113
§5.1, §6.4 and §7'. The texts are read from DIRECTORY/rfc (default: $H2_SHARED/rfc).
Without them nothing can be checked: skipped, or failed if $CI is "true".

Exit status: 0 right or skipped, 1 wrong, 2 wrong usage.
Its test is tests/tools/scripts_test.py.
"""

import argparse
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Cited, but their texts are not among the ones at hand: numbers known to be right,
# sections not checked.
WITHOUT_TEXT = {
    1035: "DNS",
    6761: "special-use names",
    6066: "TLS extensions",
    1928: "SOCKS5",
    1929: "SOCKS5 user name and password",
    1950: "zlib",
    1951: "deflate",
    1952: "gzip",
    2046: "MIME media types",
    3986: "URI",
    4291: "IPv6 addresses",
    5246: "TLS 1.2",
    5952: "text of IPv6 addresses",
    6066: "TLS extensions, server name",
    6125: "service identity",
    6455: "WebSocket",
    6585: "additional status codes",
    6724: "choice of addresses",
    7230: "HTTP/1.1, older",
    7231: "HTTP semantics, older",
    7301: "ALPN",
    7578: "multipart/form-data",
    7932: "Brotli",
    8297: "early hints",
    8305: "Happy Eyeballs",
    8446: "TLS 1.3",
    8470: "early data",
    8878: "Zstandard",
    9111: "HTTP caching",
    9525: "service identity",
}

_SECTION = r"§\s?(?:\d+|[A-Z])(?:\.\d+)*"
_CITATION = re.compile(
    rf"RFC (\d+) ({_SECTION}(?:(?:, and |, or |, | and | or |/|–|-){_SECTION})*)")
# Ways to say it that this tool could not check. Names and numbers of files pass.
_ODD = re.compile(
    r"RFC[ -]?\d+(?:,)? (?:[Ss]ections?|[Ss]ec\.|[Aa]ppendix|App\.) ?[\dA-Z]"
    r"|(?:[Ss]ections?|[Ss]ec\.) \d[\d.]* of RFC"
    r"|RFC[ -]?\d+, ?§|RFC\d+ ?§|RFC-\d+ ?§|RFC \d+§")
# 'N.M.' at the start of a line, or behind the bullet of a table of contents.
_HEADING = re.compile(
    r"^(?:\s*[•□☆○◦▪]\s+)?(?:Appendix )?((?:\d+|[A-Z])(?:\.\d+)*)\.?\s+\S")


def sections_of(text):
    """The section numbers of an RFC's text, such as '6.9.1' or 'B.2'."""
    return {match.group(1) for match in map(_HEADING.match, text.splitlines()) if match}


def load_rfcs(directory):
    """RFC number -> its section numbers, for each rfcN.txt of the directory."""
    rfcs = {}
    for path in sorted(pathlib.Path(directory).glob("rfc*.txt")):
        number = path.stem[3:]
        if number.isdigit():
            rfcs[int(number)] = sections_of(path.read_text(encoding="utf-8"))
    return rfcs


def flatten(text):
    """The text with line breaks inside comments and paragraphs made into spaces,
    of equal length, so that a citation may be broken across lines."""
    return re.sub(r"\n[ \t]*(?://+|\*|>)?[ \t]*",
                  lambda m: " " + "\0" * (len(m.group()) - 1), text)


def check_text(text, rfcs):
    """The complaints about one file: (line number, what is wrong). And the number
    of sections that were looked up."""
    complaints = []
    checked = 0
    flat = flatten(text)
    # Filler characters are dropped, keeping for each character its place.
    places = [i for i, c in enumerate(flat) if c != "\0"]
    flat = flat.replace("\0", "")

    def line_of(index):
        return text.count("\n", 0, places[index]) + 1

    for match in _CITATION.finditer(flat):
        number = int(match.group(1))
        if number in WITHOUT_TEXT and number not in rfcs:
            continue
        if number not in rfcs:
            complaints.append((line_of(match.start()), f"no text of RFC {number}"))
            continue
        for section in re.findall(r"§\s?([\dA-Z][.\d]*\d|[\dA-Z])", match.group(2)):
            checked += 1
            if section not in rfcs[number]:
                complaints.append((line_of(match.start()), f"RFC {number} has no §{section}"))
    for match in _ODD.finditer(flat):
        complaints.append((line_of(match.start()),
                           f"'{match.group()}': write it as 'RFC 9113 §6.9.1'"))
    return sorted(complaints), checked


def our_files():
    """All sources and documents of the repository."""
    for directory, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "bazel-")))
        for name in sorted(names):
            if name.endswith((".h", ".cc", ".md")):
                yield pathlib.Path(directory, name)


def skip(reason):
    """Says that nothing was checked; in a test also to Bazel's report."""
    print(f"skipped: {reason}")
    report = os.environ.get("XML_OUTPUT_FILE")
    if report:
        pathlib.Path(report).write_text(
            '<testsuites><testsuite name="citations" tests="1"><testcase name="citations">'
            "<skipped/></testcase></testsuite></testsuites>\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", default=os.environ.get("H2_SHARED", ""),
                        help="directory with the folder rfc (default: $H2_SHARED)")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()

    shared = options.shared or str(ROOT.parent / "shared")
    rfcs = load_rfcs(pathlib.Path(shared, "rfc"))
    if not rfcs:
        if os.environ.get("CI") == "true":
            print("no RFC texts: set H2_SHARED to the directory that holds rfc/", file=sys.stderr)
            return 1
        skip("no RFC texts; set H2_SHARED")
        return 0

    wrong = total = 0
    for path in options.files or our_files():
        complaints, checked = check_text(path.read_text(encoding="utf-8"), rfcs)
        total += checked
        wrong += len(complaints)
        shown = path.relative_to(ROOT) if path.is_absolute() else path
        for line, complaint in complaints:
            print(f"{shown}:{line}: {complaint}")
    print(f"{total} citations checked, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
