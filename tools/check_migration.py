#!/usr/bin/env python3
"""Checks docs/from_h2.md and docs/from_nghttp2.md against our headers and the peers'.

usage: tools/check_migration.py [--root DIRECTORY] [--python INTERPRETER] [--nghttp2 HEADER]

1. Each name in backticks in a column headed 'h2cpp' is declared in our public headers,
   such as `Connection::send_headers`, `Errc::kWrongRole` or `is_path`; what stands below the
   heading 'Events' and is a struct of event.h is an alternative of Event. So is each
   name of the form `Ours::member` elsewhere in the text.
2. Each public name of Python's h2 has a row in from_h2.md: methods with their parameters,
   attributes and constants of H2Connection; events with their attributes; options; settings;
   error codes; exceptions.
3. Each function, type and constant of nghttp2.h has a row in from_nghttp2.md.
4. Each public member function of Connection, member of Config, alternative of Event and
   usage error of Errc is in one of the two documents.

The peers are those of this machine: an interpreter that can import h2 (default: this one,
else /usr/bin/python3) and a header (default: /usr/include/nghttp2/nghttp2.h). Where one is
missing, its check is skipped, or failed if $CI is "true".

Exit status: 0 right or skipped, 1 wrong, 2 wrong usage.
Its test is tests/tools/scripts_test.py.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FROM_H2 = "docs/from_h2.md"
FROM_NGHTTP2 = "docs/from_nghttp2.md"
NGHTTP2_HEADER = "/usr/include/nghttp2/nghttp2.h"

# Folders of public headers, with the headers in them that are not.
PUBLIC = {
    "hpack": {"huffman_table.h", "integer.h", "text.h"},
    "h2core": {"abuse_ledger.h", "connection_impl.h", "field_section.h", "flow_window.h",
               "limited_memory.h", "message_phase.h", "output_queue.h", "record_call.h",
               "scheduler.h", "slab.h", "stream.h", "stream_map.h"},
    "h2core/testing": set(),
}

# ---- our headers ----------------------------------------------------------------------

_TOKEN = re.compile(r"[A-Za-z_]\w*|::|\d[\w'.]*|\S")


def tokens_of(text):
    """The tokens of a header, without comments, strings, preprocessor lines and attributes."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", " ", text, flags=re.M)
    text = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)
    text = re.sub(r"(?<![\w])'(?:\\.|[^'\\\n])+'", "0", text)
    text = re.sub(r"\[\[.*?\]\]", " ", text)
    return _TOKEN.findall(text)


def without_template_arguments(statement):
    """Drops <...> behind a name; what is behind 'operator' stays."""
    out, depth = [], 0
    for i, token in enumerate(statement):
        if token == "<" and (depth or (i and re.match(r"[A-Za-z_]", statement[i - 1]) and
                                       statement[i - 1] != "operator")):
            depth += 1
        elif token == ">" and depth:
            depth -= 1
        elif not depth:
            out.append(token)
    return out


def declared(statement):
    """What a statement declares, or None: (kind, name)."""
    statement = without_template_arguments(statement)
    if not statement or statement[0] in ("friend", "static_assert", "return") or \
            "operator" in statement:
        return None
    if statement[0] == "using":
        return ("type" if "=" in statement else "alias"), statement[1 if "=" in statement else -1]
    if "=" in statement:
        statement = statement[:statement.index("=")]
    if "(" in statement:
        at = statement.index("(")
        if statement[at + 1:at + 2] == ["*"]:
            return "member", statement[at + 2]
        if at and re.match(r"[A-Za-z_]", statement[at - 1]):
            name = statement[at - 1]
            return None if at > 1 and statement[at - 2] == "~" else ("function", name)
        return None
    while statement and statement[-1] == "]":
        statement = statement[:len(statement) - 1 - statement[::-1].index("[")]
    if len(statement) > 1 and re.match(r"[A-Za-z_]", statement[-1]):
        return "member", statement[-1]
    return None


class Headers:
    """What the headers declare in public.

    names: 'Connection::ping' -> (kind, file), for members, enumerators, functions, types;
    kind is 'function', 'member', 'enumerator', 'constructor' or 'type'.
    alternatives: of Event. usage_errors: of Errc.
    """

    def __init__(self, files):
        self.names = {}
        self.alternatives = []
        self.usage_errors = []
        self._aliases = {}
        for path, text in files.items():
            self._file = path
            self._tokens = tokens_of(text)
            self._at = 0
            while self._at < len(self._tokens):
                self._scope("", "", True)
            if path == "h2core/event.h":
                found = re.search(r"using Event\s*=\s*std::variant<(.*?)>;", text, re.S)
                self.alternatives = re.findall(r"\w+", found.group(1)) if found else []
            if path == "h2core/error.h":
                found = re.search(r"// The caller's mistakes\.(.*?)\n};", text, re.S)
                self.usage_errors = re.findall(r"^\s*(k\w+),", found.group(1), re.M) if found else []
        # A type that is named by 'using hpack::X;' has its members under both names.
        for alias, target in self._aliases.items():
            for name, what in list(self.names.items()):
                if name == target or name.startswith(target + "::"):
                    self.names.setdefault(alias + name[len(target):], what)

    def members(self, owner, *kinds):
        """The names of what `owner` has, of the kinds."""
        return [name.split("::")[-1] for name, (kind, _) in self.names.items()
                if kind in kinds and name.rpartition("::")[0] == owner]

    def _add(self, scope, name, kind, public):
        if public:
            self.names.setdefault(f"{scope}::{name}" if scope else name, (kind, self._file))

    def _skip_braces(self):
        """From behind an opening brace to behind its end."""
        depth = 1
        while depth and self._at < len(self._tokens):
            depth += {"{": 1, "}": -1}.get(self._tokens[self._at], 0)
            self._at += 1

    def _scope(self, scope, owner, public):
        """Declarations up to the closing brace. `owner`: the class whose body it is."""
        statement = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token == "}":
                return
            if token == ":" and statement in (["public"], ["private"], ["protected"]):
                public = statement == ["public"]
                statement = []
            elif token == ";":
                self._declare(scope, owner, statement, public)
                statement = []
            elif token == "{" and statement.count("(") > statement.count(")"):
                self._skip_braces()  # an argument's default
            elif token == "{":
                statement = self._braces(scope, owner, statement, public)
            else:
                statement.append(token)

    def _declare(self, scope, owner, statement, public):
        found = declared(statement)
        if found:
            kind, name = found
            if kind == "alias":
                self._aliases.setdefault(name, "".join(statement[1:]))
                return
            self._add(scope, name, "constructor" if name == owner else kind, public)

    def _braces(self, scope, owner, statement, public):
        """What an opening brace begins; gives what is left of the statement."""
        plain = without_template_arguments(statement)
        if "namespace" in plain:
            parts = [t for t in plain[plain.index("namespace") + 1:]
                     if t not in ("inline", "::", "h2", "v0")]
            self._scope("::".join([scope, *parts] if scope else parts), "", True)
            return []
        if "enum" in plain:
            name = [t for t in plain[plain.index("enum") + 1:] if t not in ("class", "struct")][0]
            self._add(scope, name, "type", public)
            inner = f"{scope}::{name}" if scope else name
            value = False
            while self._at < len(self._tokens) and self._tokens[self._at] != "}":
                token = self._tokens[self._at]
                if not value and re.match(r"[A-Za-z_]", token):
                    self._add(inner, token, "enumerator", public)
                value = token != "," and (value or token == "=")
                self._at += 1
            self._at += 1
            return ["enum"]
        heads = [i for i, t in enumerate(plain) if t in ("class", "struct")]
        if heads and "(" not in plain and "=" not in plain:
            name = plain[heads[-1] + 1]
            self._add(scope, name, "type", public)
            # Members of private classes, and of the specialisations, are left out by their name.
            was = dict(self.names) if not public else None
            self._scope(f"{scope}::{name}" if scope else name, name,
                        plain[heads[-1]] == "struct")
            if was is not None:
                self.names = was
            return ["class"]
        self._skip_braces()
        if "(" in plain and "=" not in plain[:plain.index("(")]:
            self._declare(scope, owner, statement, public)
            return []
        return [*statement, "=", "{}"] if "=" not in plain else statement


def our_headers(root):
    """path -> text of the public headers."""
    files = {}
    for folder, internal in PUBLIC.items():
        for path in sorted(pathlib.Path(root, folder).glob("*.h")):
            if path.name not in internal:
                files[f"{folder}/{path.name}"] = path.read_text(encoding="utf-8")
    return files


# ---- the documents --------------------------------------------------------------------

_SPAN = re.compile(r"`([^`]+)`")


def stem(span):
    """A code span without what is in parentheses: 'ping(opaque_data)' -> 'ping'."""
    return span.partition("(")[0]


class Document:
    """One migration document.

    rows: (line, heading, {column heading: code spans}); spans: (line, span) outside of
    examples, wherever they stand.
    """

    def __init__(self, name, text):
        self.name = name
        self.rows = []
        self.spans = []
        heading, columns, example = "", None, False
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("```"):
                example = not example
            if example:
                continue
            if line.startswith("#"):
                heading = line.lstrip("# ")
            self.spans += [(number, span) for span in _SPAN.findall(line)]
            if not line.startswith("|"):
                columns = None
                continue
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if columns is None:
                columns = cells
            elif not set(line) <= set("|-: "):
                if len(cells) != len(columns):
                    cells = cells[:len(columns)] + [""] * (len(columns) - len(cells))
                self.rows.append((number, heading, {
                    column: _SPAN.findall(cell) for column, cell in zip(columns, cells)}))

    def column(self, name):
        """(line, heading, span) for each code span of that column."""
        for line, heading, cells in self.rows:
            for span in cells.get(name, []):
                yield line, heading, span


def check_our_names(document, headers):
    """1: names in the h2cpp column, and `Ours::member` anywhere."""
    complaints = []
    seen = set()
    for line, heading, span in document.column("h2cpp"):
        name = stem(span).removeprefix("h2::")
        seen.add((line, span))
        if name == "Connection::Connection":
            continue
        if name not in headers.names:
            complaints.append((line, f"'{span}' is not in our public headers"))
        elif heading == "Events" and "::" not in name and name != "Event" and \
                headers.names[name] == ("type", "h2core/event.h") and \
                name not in headers.alternatives:
            complaints.append((line, f"'{span}' is not an event"))
    types = {name for name, (kind, _) in headers.names.items() if kind == "type"}
    for line, span in document.spans:
        name = stem(span).removeprefix("h2::")
        owner = name.rpartition("::")[0]
        if owner in types and (line, span) not in seen and name not in headers.names and \
                name != "Connection::Connection":
            complaints.append((line, f"'{span}' is not in our public headers"))
    return [f"{document.name}:{line}: {what}" for line, what in sorted(set(complaints))]


def check_own_calls(documents, headers):
    """4: what is ours and in no document."""
    told = {stem(span).removeprefix("h2::") for document in documents
            for _, span in document.spans}
    ours = [f"Connection::{name}" for name in headers.members("Connection", "function")]
    ours += [f"Config::{name}" for name in headers.members("Config", "member", "function")]
    ours += headers.alternatives
    ours += [f"Errc::{name}" for name in headers.usage_errors]
    where = " and ".join(document.name for document in documents)
    return [f"{where}: '{name}' of ours is in neither" for name in ours if name not in told]


# ---- python h2 ------------------------------------------------------------------------

# Run by an interpreter that has h2; prints what is public.
_INTROSPECT = r"""
import enum, inspect, json
import h2, h2.config, h2.connection, h2.errors, h2.events, h2.exceptions, h2.settings

def public(names):
    return sorted(n for n in names if not n.startswith("_"))

def classes(module):
    return [(n, c) for n, c in inspect.getmembers(module, inspect.isclass)
            if c.__module__ == module.__name__ and not n.startswith("_")]

def attributes(c):
    try:
        return public(vars(c()))
    except TypeError:
        return public(getattr(c, "__dataclass_fields__", {}))

H2Connection = h2.connection.H2Connection
names = {}
for n, member in inspect.getmembers(H2Connection):
    if not n.startswith("_"):
        names[n] = public(inspect.signature(member).parameters) if callable(member) else []
        names[n] = [p for p in names[n] if p != "self"]
for n in public(vars(H2Connection())):
    names.setdefault(n, [])
members = {}
for n, c in classes(h2.events):
    members[n] = attributes(c)
for n, c in classes(h2.config):
    members[n] = public(set(vars(c)) | (set(vars(c())) if n == "H2Configuration" else set()))
for n, c in classes(h2.settings) + classes(h2.errors):
    members[n] = list(c.__members__) if issubclass(c, enum.Enum) else public(vars(c))
for n, c in classes(h2.exceptions):
    members[n] = []
print(json.dumps({"version": h2.__version__, "names": names, "members": members}))
"""


def h2_names(interpreters):
    """What h2 has in public, or None: {'version', 'names': method -> parameters,
    'members': class -> attributes}."""
    for interpreter in interpreters:
        try:
            run = subprocess.run([interpreter, "-c", _INTROSPECT], capture_output=True, text=True,
                                 check=False)
        except OSError:
            continue
        if run.returncode == 0:
            return json.loads(run.stdout)
        if "No module named 'h2'" not in run.stderr:
            print(run.stderr, file=sys.stderr)
    return None


def check_h2(document, h2):
    """2: what h2 has and no row names."""
    rows = [(line, [stem(span) for span in cells.get("h2", [])],
             [word for span in cells.get("h2", []) for word in re.findall(r"\w+", span)])
            for line, _, cells in document.rows]
    spans = {span for _, row, _ in rows for span in row}
    missing = []
    for name, parameters in h2["names"].items():
        if name not in spans:
            missing.append(f"'{name}' of H2Connection has no row")
        elif not any(name in row and set(parameters) <= set(words) for _, row, words in rows):
            missing.append(f"'{name}' has no row with ({', '.join(parameters)})")
    for owner, attributes in h2["members"].items():
        if owner not in spans:
            missing.append(f"'{owner}' has no row")
            continue
        for attribute in attributes:
            if f"{owner}.{attribute}" not in spans and not any(
                    owner in row and f".{attribute}" in row for _, row, _ in rows):
                missing.append(f"'{owner}.{attribute}' has no row")
    return [f"{document.name}: {what} (h2 {h2['version']})" for what in missing]


# ---- nghttp2 --------------------------------------------------------------------------

def nghttp2_names(text):
    """The names that nghttp2.h declares."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    names = set(re.findall(r"\b(nghttp2_\w+)\s*\(", text))          # functions
    names |= set(re.findall(r"\(\*(nghttp2_\w+)\)", text))          # types of callbacks
    names |= set(re.findall(r"^\}\s*(nghttp2_\w+);", text, re.M))   # structs, unions, enums
    names |= set(re.findall(r"^struct (nghttp2_\w+);", text, re.M))
    names |= set(re.findall(r"^#define (NGHTTP2_\w+) +\S", text, re.M))
    for body in re.findall(r"\benum\s*\{(.*?)\}", text, re.S):
        names |= set(re.findall(r"\b(NGHTTP2_\w+)\s*(?:=|,|$)", body, re.M))
    return sorted(names - {"NGHTTP2_EXTERN"})


def check_nghttp2(document, names):
    """3: what nghttp2.h has and no row names."""
    told = {stem(span) for _, _, span in document.column("nghttp2")}
    return [f"{document.name}: '{name}' has no row" for name in names if name not in told]


# ---------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=ROOT,
                        help="the tree to be checked (default: the one this script is in)")
    parser.add_argument("--python", help="an interpreter that can import h2")
    parser.add_argument("--nghttp2", type=pathlib.Path, default=pathlib.Path(NGHTTP2_HEADER),
                        help="nghttp2.h")
    options = parser.parse_args()

    headers = Headers(our_headers(options.root))
    if not headers.alternatives or not headers.usage_errors:
        parser.error(f"{options.root}: no headers of ours")
    from_h2, from_nghttp2 = (
        Document(name, (options.root / name).read_text(encoding="utf-8"))
        for name in (FROM_H2, FROM_NGHTTP2))

    complaints = check_our_names(from_h2, headers) + check_our_names(from_nghttp2, headers)
    skipped = []
    h2 = h2_names([options.python] if options.python else [sys.executable, "/usr/bin/python3"])
    if h2:
        complaints += check_h2(from_h2, h2)
    else:
        skipped.append(f"{FROM_H2}: no Python with h2")
    if options.nghttp2.is_file():
        complaints += check_nghttp2(
            from_nghttp2, nghttp2_names(options.nghttp2.read_text(encoding="utf-8")))
    else:
        skipped.append(f"{FROM_NGHTTP2}: no {options.nghttp2}")
    complaints += check_own_calls([from_h2, from_nghttp2], headers)

    for complaint in complaints:
        print(complaint)
    for what in skipped:
        print(f"skipped: {what}")
    print(f"{len(from_h2.rows)} rows for h2, {len(from_nghttp2.rows)} for nghttp2, "
          f"{len(complaints)} complaints")
    return 1 if complaints or (skipped and os.environ.get("CI") == "true") else 0


if __name__ == "__main__":
    sys.exit(main())
