#!/usr/bin/env python3
"""Checks docs/rfc9113_map.md: which rule of the RFCs is kept where, and proved by which test.

usage: tools/check_rfc_map.py [--shared DIRECTORY] [--root DIRECTORY] [MAP]

The map has a heading '## RFC N' for each RFC and under it tables with the columns
'§ | requirement | kept by | proved by'. Checked is that

  - each row's section is in the RFC, and the quote in its second column in that section,
    once; white space does not count, and ' ... ' stands for words that are left out;
  - each MUST, SHOULD, REQUIRED and so on of the RFC lies in a quote of its section, but for
    the sections in NOT_OURS below;
  - each file in the third column is there;
  - each test in the fourth column is there, written `tests/h2core/x_test.cc: Suite.Name` or
    `tests/h2core/hostile_cases.cc: name of the case`; a row without a test begins there
    with 'not applicable: ', 'permitted choice: ' or 'not kept: ' and the reason.

The texts are read from DIRECTORY/rfc (default: $H2_SHARED/rfc). Without them only files and
tests are checked, and that is said; if $CI is "true", it fails.

Exit status: 0 right, 1 wrong, 2 wrong usage.
Its test is tests/tools/scripts_test.py.
"""

import argparse
import collections
import functools
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Sections whose key words bind no implementation, with the reason.
NOT_OURS = {
    7541: {
        "1.2": "says what the key words mean",
    },
    9113: {
        "2.2": "says what the key words mean",
        "11": "IANA: binds registrants only",
        "11.1": "IANA: binds registrants only",
    },
}

REASONS = ("not applicable: ", "permitted choice: ", "not kept: ")

_KEYWORD = re.compile(
    r"\b(?:MUST|SHALL|SHOULD|REQUIRED|RECOMMENDED)\b(?:\s+NOT\b)?")
_HEADING = re.compile(r"^(?:Appendix )?((?:\d+|[A-Z])(?:\.\d+)*)\.\s+\S")
_ROW = re.compile(r"^\| (\S+) \| (.+?) \| (.+?) \| (.+?) \|$")
_TICKED = re.compile(r"`([^`]+)`")

Row = collections.namedtuple("Row", "line rfc section quote kept proved")


def follows(after, before):
    """Whether a section of that number may come next."""
    if before is None:
        return after in ((1,),)
    if after == before + (1,):
        return True
    if any(after == before[:i] + (before[i] + 1,) for i in range(len(before))):
        return True
    return after == (ord("A"),) and before[0] < ord("A")


def sections_of(text):
    """Section number -> its own text, without that of its subsections. The number is
    also there if there is no text. Lines of the table of contents begin otherwise."""
    found = {}
    current = last = None
    lines = ["", *text.splitlines(), ""]
    for i in range(1, len(lines) - 1):
        match = _HEADING.match(lines[i])
        if match and not lines[i - 1].strip() and not lines[i + 1].strip():
            number = tuple(int(p) if p.isdigit() else ord(p) for p in match.group(1).split("."))
            if follows(number, last):
                current, last = match.group(1), number
                found[current] = []
                continue
        if current is not None:
            found[current].append(lines[i])
    return {number: "\n".join(body) for number, body in found.items()}


def squeeze(text):
    """The text without white space and marks of lists, and for each character its place."""
    kept = [(c, i) for i, c in enumerate(text) if not c.isspace() and c not in "•□☆○◦▪━"]
    return "".join(c for c, _ in kept), [i for _, i in kept]


def read_map(text):
    """The rows of the map, and complaints about lines that are none."""
    rows, complaints = [], []
    rfc = None
    for n, line in enumerate(text.splitlines(), 1):
        if heading := re.match(r"^## RFC (\d+)$", line):
            rfc = int(heading.group(1))
        if not line.startswith("|") or re.match(r"^[ |-]+$|^\| § ", line):
            continue
        match = _ROW.match(line)
        if not match or rfc is None:
            complaints.append((n, "not a row of four columns under an RFC's heading"))
            continue
        rows.append(Row(n, rfc, *match.groups()))
    return rows, complaints


def check_quotes(rows, rfcs):
    """The complaints about quotes, and about key words that no quote covers. `rfcs` is
    RFC number -> text."""
    complaints = []
    for number, text in sorted(rfcs.items()):
        sections = sections_of(text)
        covered = {section: set() for section in sections}
        squeezed = {section: squeeze(body) for section, body in sections.items()}
        for row in rows:
            if row.rfc != number:
                continue
            if row.section not in sections:
                complaints.append((row.line, f"RFC {number} has no section {row.section}"))
                continue
            body, places = squeezed[row.section]
            begin = 0
            if not _KEYWORD.search(row.quote):
                complaints.append((row.line, "no key word in the quote"))
            for part in row.quote.split(" ... "):
                wanted, _ = squeeze(part)
                at = body.find(wanted, begin)
                if at < 0:
                    complaints.append((row.line, f"not in section {row.section}: '{part}'"))
                    break
                if body.find(wanted, at + 1) >= 0 and begin == 0:
                    complaints.append((row.line, f"more than once in section {row.section}: "
                                                 f"'{part}'"))
                begin = at + len(wanted)
                covered[row.section].update(places[at:begin])
        for section, body in sections.items():
            if section in NOT_OURS.get(number, {}):
                continue
            for match in _KEYWORD.finditer(body):
                if not covered[section].issuperset(range(match.start(), match.start() + 4)):
                    around = " ".join(body[max(0, match.start() - 60):match.end() + 60].split())
                    complaints.append((0, f"RFC {number} section {section} is not covered at "
                                          f"'... {around} ...'"))
    for row in rows:
        if row.rfc not in rfcs:
            complaints.append((row.line, f"no text of RFC {row.rfc}"))
    return complaints


@functools.lru_cache(maxsize=None)
def source(path):
    return path.read_text(encoding="utf-8")


@functools.lru_cache(maxsize=None)
def literals(path):
    """The string literals of a C++ source that may be part of a case's name."""
    found = re.findall(r'"((?:[^"\\\n]|\\.)*)"', source(path))
    return frozenset(text for text in found if len(text) > 1)


def is_case(path, name):
    """Whether the source has that name of a hostile case: as a literal or, for cases made
    in loops, put together from up to four of them and numbers."""
    name = re.sub(r"^(?:server|client): ", "", name)

    def made_of(rest, parts):
        if not rest:
            return True
        if parts == 0:
            return False
        number = re.match(r"\d+", rest)
        if number and made_of(rest[number.end():], parts - 1):
            return True
        return any(rest.startswith(literal) and made_of(rest[len(literal):], parts - 1)
                   for literal in literals(path))

    return made_of(name, 4)


def check_proof(root, ticked):
    """What is wrong with one test; none: nothing."""
    path, colon, name = ticked.partition(": ")
    if not colon:
        return f"not a test, 'file: name': '{ticked}'"
    if not path.startswith("tests/") or not (root / path).is_file():
        return f"no such file: '{path}'"
    if path.endswith("hostile_cases.cc"):
        return None if is_case(root / path, name) else f"no such case: '{name}'"
    suite, dot, test = name.partition(".")
    if dot and re.search(rf"\bTEST(?:_F|_P)?\(\s*{re.escape(suite)},\s*{re.escape(test)}\)",
                         source(root / path)):
        return None
    return f"no such test in {path}: '{name}'"


def check_files(rows, root):
    """The complaints about files and tests."""
    complaints = []
    for row in rows:
        reason = row.proved.startswith(REASONS)
        files = _TICKED.findall(row.kept)
        if not files and not reason:
            complaints.append((row.line, "no file keeps it"))
        for name in files:
            if not (root / name).is_file():
                complaints.append((row.line, f"no such file: '{name}'"))
        tests = _TICKED.findall(row.proved)
        if not tests and not reason:
            complaints.append((row.line, "neither a test nor a reason why there is none"))
        if reason and len(row.proved.split(": ", 1)[1].strip()) < 10:
            complaints.append((row.line, "no reason is given"))
        for ticked in tests:
            if wrong := check_proof(root, ticked):
                complaints.append((row.line, wrong))
    return complaints


def check(text, rfcs, root):
    """All complaints about the text of a map, and its rows. `rfcs`: as of check_quotes; none
    of them: nothing is compared with them."""
    rows, complaints = read_map(text)
    complaints += check_files(rows, root)
    if rfcs:
        complaints += check_quotes(rows, rfcs)
    return sorted(complaints), rows


def load_rfcs(directory, numbers):
    """RFC number -> text, of those that are there."""
    paths = {n: pathlib.Path(directory, f"rfc{n}.txt") for n in numbers}
    return {n: p.read_text(encoding="utf-8") for n, p in paths.items() if p.is_file()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", default=os.environ.get("H2_SHARED", ""),
                        help="directory with the folder rfc (default: $H2_SHARED)")
    parser.add_argument("--root", default=ROOT, type=pathlib.Path,
                        help="where files and tests are looked for (default: the repository)")
    parser.add_argument("map", nargs="?", type=pathlib.Path,
                        help="default: docs/rfc9113_map.md of the repository")
    options = parser.parse_args()
    path = options.map or options.root / "docs" / "rfc9113_map.md"
    if not path.is_file():
        parser.error(f"no such file: {path}")

    shared = options.shared or str(ROOT.parent / "shared")
    rfcs = load_rfcs(pathlib.Path(shared, "rfc"), NOT_OURS)
    if not rfcs and os.environ.get("CI") == "true":
        print("no RFC texts: set H2_SHARED to the directory that holds rfc/", file=sys.stderr)
        return 1
    complaints, rows = check(path.read_text(encoding="utf-8"), rfcs, options.root)
    for line, complaint in complaints:
        print(f"{path.name}:{line}: {complaint}" if line else f"{path.name}: {complaint}")
    if not rfcs:
        print("no RFC texts (set H2_SHARED): only files and tests were checked")
    counts = [sum(row.proved.startswith(reason) for row in rows) for reason in REASONS]
    print(f"{len(rows)} rows checked, {len(rows) - sum(counts)} proved by tests, "
          + ", ".join(f"{n} {reason[:-2]}" for n, reason in zip(counts, REASONS))
          + f"; {len(complaints)} wrong")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
