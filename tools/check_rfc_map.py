#!/usr/bin/env python3
"""Checks docs/rfc9113_map.md: every requirement has its place in the code and its proof.

usage: tools/check_rfc_map.py [--root DIRECTORY] [--shared DIRECTORY] [--skeleton]

The page has a heading for each RFC ('## RFC 9113') and below it tables with the rows

    | section | quote | kept by | proved by |

1. Each quote stands in that section of the RFC, and each word MUST, SHOULD, SHALL, REQUIRED or
   RECOMMENDED of the sections that bind an endpoint stands in a quote of its section.
2. 'kept by' names files of the repository, in backquotes; 'proved by' names tests, as
   `tests/h2core/x_test.cc: Suite.Name` or `tests/h2core/hostile_cases.cc: a case's name`, or begins
   with 'not applicable: ' or 'permitted choice: ' and a reason.

The RFCs are read from DIRECTORY/rfc (default: $H2_SHARED). Without them the first check is skipped,
or failed if $CI is "true". --skeleton prints rows for what no quote covers yet.

Exit status: 0 right, 1 wrong, 2 wrong usage. Its test is tests/tools/scripts_test.py.
"""

import argparse
import os
import pathlib
import re
import sys

RFCS = ("9113", "7541")
KEYWORD = re.compile(r"\b(?:MUST|SHOULD|SHALL|REQUIRED|RECOMMENDED)\b")
REASONS = ("not applicable: ", "permitted choice: ")
# Sections without requirements on an endpoint, and why.
NOT_BINDING = {
    ("9113", "2.2"): "explains the key words",
    ("9113", "11"): "binds registrants",
    ("9113", "12"): "references",
    ("7541", "1.2"): "explains the key words",
    ("7541", "8"): "references",
}
LONGEST_QUOTE = 170


def normal(text):
    return " ".join(text.split())


def sections(text):
    """Section number -> its text, one paragraph a line, without subsections."""
    result, current, paragraph = {}, None, []

    def close():
        if current is not None and paragraph:
            result.setdefault(current, []).append(normal(" ".join(paragraph)))
        paragraph.clear()

    lines = [""] + text.splitlines() + [""]
    for before, line, after in zip(lines, lines[1:], lines[2:]):
        # A heading stands alone and is no sentence; a paragraph may begin with a number, too.
        heading = re.match(r"((?:\d+|[A-Z])(?:\.\d+)*)\. \S.*[^.:;,]$", line)
        if heading and not before.strip() and not after.strip():
            close()
            current = heading[1]
        elif not line.strip():
            close()
        elif current is not None:
            paragraph.append(line)
    close()
    return {number: "\n".join(lines) for number, lines in result.items()}


def binding(rfc, number):
    top = number.split(".")[0]
    return not (number[0].isalpha() or (rfc, number) in NOT_BINDING or (rfc, top) in NOT_BINDING)


def rows(page):
    """(rfc, line number, section, quote, kept by, proved by) of each row."""
    rfc = None
    for number, line in enumerate(page.splitlines(), 1):
        heading = re.match(r"## RFC (\d+)", line)
        if heading:
            rfc = heading[1]
        if rfc is None or not line.startswith("| §"):
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0] != "§":
            yield (rfc, number, cells[0][1:], *cells[1:])
        elif len(cells) != 4:
            yield (rfc, number, None, "", "", "")


def uncovered(rfc, texts, quotes):
    """(section, start, end) of each key word that no quote of its section covers."""
    for number, text in texts.items():
        if not binding(rfc, number):
            continue
        spans = []
        for quote in quotes.get(number, ()):
            at = text.find(quote)
            while at >= 0:
                spans.append((at, at + len(quote)))
                at = text.find(quote, at + 1)
        for word in KEYWORD.finditer(text):
            if not any(a <= word.start() and word.end() <= b for a, b in spans):
                yield number, word.start(), word.end()


def quote_around(text, start, end):
    """A quote of the sentence around a key word, as long as is needed to tell which it is."""
    begin = max((m.end() for m in re.finditer(r"[.:;]\s+(?=[A-Z\"(*])|\n", text[:start])), default=0)
    stop = re.search(r"[.;:](?=\s|$)|\n", text[end:])
    stop = end + stop.end() if stop else len(text)
    if stop - begin > LONGEST_QUOTE:
        if start - begin > 60:
            begin = text.rfind(" ", begin, start - 50) + 1
        if stop - begin > LONGEST_QUOTE:
            stop = text.rfind(" ", end, begin + LONGEST_QUOTE)
    return text[begin:stop].strip()


def skeleton(rfc, texts, quotes):
    for number in texts:
        while True:
            missing = next((m for m in uncovered(rfc, {number: texts[number]}, quotes)), None)
            if missing is None:
                break
            quote = quote_around(texts[number], *missing[1:])
            quotes.setdefault(number, []).append(quote)
            print(f"| §{number} | {quote.replace('|', chr(92) + '|')} | | |")


def tests_of(path, cache):
    """The names of tests, or of cases, in a file."""
    if path not in cache:
        text = path.read_text(encoding="utf-8", errors="replace")
        names = {f"{suite}.{name}" for suite, name in
                 re.findall(r"\bTEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", text)}
        names |= {"".join(re.findall(r'"((?:[^"\\]|\\.)*)"', run))
                  for run in re.findall(r'(?:"(?:[^"\\]|\\.)*"\s*)+', text)}
        names |= set(re.findall(r"def (test_\w+)", text))
        cache[path] = names
    return cache[path]


def check_proof(root, proof, cache):
    if proof.startswith(REASONS):
        return [] if len(proof.split(": ", 1)[1]) > 8 else ["a reason is missing"]
    named = re.findall(r"`([^`]+)`", proof)
    if not named:
        return ["no test is named"]
    wrong = []
    for test in named:
        file, colon, name = test.partition(": ")
        if not (root / file).is_file():
            wrong.append(f"there is no {file}")
        elif not colon or name not in tests_of(root / file, cache):
            wrong.append(f"there is no {name or 'test named'} in {file}")
    return wrong


def check(root, text, folder):
    """The complaints about a page, and how many rows it has. `folder` has the RFCs, or is None."""
    complaints = []
    quotes = {rfc: {} for rfc in RFCS}
    cache = {}
    count = 0
    for rfc, line, section, quote, kept, proof in rows(text):
        count += 1
        if section is None:
            complaints.append(f"line {line}: not four cells")
            continue
        quotes.setdefault(rfc, {}).setdefault(section, []).append(quote)
        wrong = check_proof(root, proof, cache)
        files = re.findall(r"`([^`]+)`", kept)
        if not files and not proof.startswith(REASONS):
            wrong.append("no file is named")
        wrong += [f"there is no {file}" for file in files if not (root / file).is_file()]
        complaints += [f"line {line}: {what}" for what in wrong]
    for rfc in quotes if folder is not None else ():
        path = folder / f"rfc{rfc}.txt"
        if not path.is_file():
            complaints.append(f"there is no text of RFC {rfc}")
            continue
        texts = sections(path.read_text(encoding="utf-8"))
        for section, list_of_quotes in quotes[rfc].items():
            for quote in list_of_quotes:
                if section not in texts:
                    complaints.append(f"RFC {rfc} has no §{section}")
                elif quote not in texts[section]:
                    complaints.append(f"RFC {rfc} §{section} does not say: {quote}")
        complaints += [
            f"RFC {rfc} §{number} is not covered: ...{texts[number][max(0, a - 60):b + 40]}..."
            for number, a, b in uncovered(rfc, texts, quotes[rfc])]
    return complaints, count


def print_skeleton(text, folder):
    quotes = {rfc: {} for rfc in RFCS}
    for rfc, _, section, quote, _, _ in rows(text):
        quotes[rfc].setdefault(section, []).append(quote)
    for rfc in RFCS:
        print(f"## RFC {rfc}\n")
        texts = sections((folder / f"rfc{rfc}.txt").read_text(encoding="utf-8"))
        skeleton(rfc, texts, quotes[rfc])


def main():
    parser = argparse.ArgumentParser(prog="tools/check_rfc_map.py")
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--shared", default=os.environ.get("H2_SHARED") or "../shared")
    parser.add_argument("--skeleton", action="store_true")
    options = parser.parse_args()
    page = options.root / "docs/rfc9113_map.md"
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    folder = options.root / options.shared / "rfc"
    if options.skeleton:
        print_skeleton(text, folder)
        return 0
    complaints = []
    if not folder.is_dir():
        print(f"{folder} is not there: quotes skipped")
        if os.environ.get("CI") == "true":
            complaints.append("the RFCs are not there")
        folder = None
    found, count = check(options.root, text, folder)
    complaints += found
    for complaint in complaints:
        print(complaint)
    print(f"{count} requirements, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
