#!/usr/bin/env python3
"""Checks what the folders may include, and what the core may use.

usage: tools/check_layers.py [ROOT]

1. Includes point downward only: hpack <- h2core <- transport <- client <- the rest,
   and name a file by its path from the root.
2. hpack/ and h2core/ use neither clock, thread, lock, socket, file, stream nor TLS,
   keep no mutable global, never print, throw or abort, and allocate through
   h2::MemoryResource only. (h2core/testing/, a help for tests, may allocate.)

Bazel's visibility enforces the first rule between targets; this also sees an
include that needs no dependency. Exit status: 0 right, 1 wrong.
Its test is tests/tools/scripts_test.py.
"""

import os
import pathlib
import re
import sys

LAYERS = ["hpack", "h2core", "transport", "client"]
TOP = ["tools", "tests", "bench", "examples"]
CORE = ("hpack/", "h2core/")
MAY_ALLOCATE = ("h2core/testing/",)

_NO_IO = set("""
    atomic barrier chrono condition_variable csetjmp csignal cstdio ctime filesystem fstream
    future iomanip ios iostream istream latch locale mutex ostream print random regex semaphore
    shared_mutex sstream stop_token streambuf syncstream thread
    cassert assert.h stdio.h time.h signal.h setjmp.h
    dlfcn.h errno.h cerrno fcntl.h netdb.h poll.h pthread.h sched.h unistd.h
    ares.h zlib.h
""".split())
_NO_IO_FOLDERS = ("arpa/", "linux/", "net/", "netinet/", "nghttp2/", "nlohmann/", "openssl/",
                  "sys/", "CLI/")
_ALLOCATING = set("""
    any deque exception forward_list functional list map queue set stack stdexcept string
    typeinfo typeindex unordered_map unordered_set vector
""".split())

# (what, pattern); comments and literals are blanked before the search.
_WORDS = [
    ("abort or exit", r"\b(?:abort|_?[Ee]xit|quick_exit)\s*\(|\bstd::terminate\b"),
    ("assert", r"(?<![\w.])assert\s*\("),
    ("print", r"\b(?:f|s|sn|v|vf|vsn)?printf\s*\(|\bputs\s*\(|\bstd::c(?:out|err|log|in)\b"),
    ("exception", r"\bthrow\b|\btry\s*\{|\bcatch\s*\("),
    ("access that may throw",
     r"\bstd::get\s*<|(?:\.|->)value\s*\(\s*\)|(?:\.|->)at\s*\(|\bstd::sto[a-z]+\s*\("),
    ("run-time type", r"\bdynamic_cast\b|\btypeid\b"),
    ("environment", r"\bgetenv\s*\("),
    ("thread-local state", r"\bthread_local\b"),
    ("clock", r"\bstd::chrono::(?:system|steady|high_resolution)_clock\b|\bclock_gettime\b"),
    ("mutable global",
     r"^(?:static|inline)\s+(?!const\b|constexpr\b|consteval\b|inline\b|namespace\b|static\b)"
     r"[\w:<>,\s*&]+?\s\w+(?:\[\w*\])?\s*(?:=|;|\{[^{}]*\}\s*;)"),
]
_ALLOCATION_WORDS = [
    ("malloc", r"\b(?:malloc|calloc|realloc|free)\s*\("),
    ("new", r"(?<!operator )\bnew\b(?!\s*\()"),
    ("delete", r"(?<![=\w])(?<!= )(?<!operator )\bdelete\b"),
    ("allocating type",
     r"\bstd::(?:vector|string|map|set|deque|list|unordered_\w+|function|any|make_unique"
     r"|make_shared|shared_ptr)\b(?!_)"),
]

_BLANK = re.compile(
    r"//[^\n]*|/\*.*?\*/|R\"([^(\s]*)\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\"|(?<![\w'])'(?:\\.|[^'\\\n])+'",
    re.S)
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]+)[>\"]", re.M)


def blank(source):
    """The source with comments and literals replaced by spaces; lines are kept."""
    return _BLANK.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), source)


_OPTIONAL = re.compile(r"^#if defined\(__cpp_exceptions\)\n.*?^#endif\b[^\n]*", re.M | re.S)


def without_optional(source):
    """The source without what is only there where the user's code has exceptions."""
    return _OPTIONAL.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), source)


def check_source(path, source):
    """The complaints about one file, as (line number, what is wrong). `path` is
    relative to the root, with slashes."""
    complaints = []
    source = without_optional(source)
    folder = path.split("/", 1)[0]
    core = path.startswith(CORE)
    may_allocate = path.startswith(MAY_ALLOCATE)

    def complain(index, what):
        complaints.append((source.count("\n", 0, index) + 1, what))

    for match in _INCLUDE.finditer(source):
        quoted, header = match.group(1) == '"', match.group(2)
        target = header.split("/", 1)[0]
        if quoted or target in LAYERS:
            if target not in LAYERS + TOP or "/" not in header:
                complain(match.start(), f'"{header}" is no path from the root')
            elif folder in LAYERS and (
                    target in TOP or LAYERS.index(target) > LAYERS.index(folder)):
                complain(match.start(), f'{folder}/ may not include "{header}"')
        elif core and (header in _NO_IO or header.startswith(_NO_IO_FOLDERS)):
            complain(match.start(), f"<{header}> does not belong in the core")
        elif core and not may_allocate and header in _ALLOCATING:
            complain(match.start(), f"<{header}> allocates or throws")

    if core:
        words = _WORDS + ([] if may_allocate else _ALLOCATION_WORDS)
        code = re.sub(r"^[ \t]*#[^\n]*", lambda m: " " * len(m.group()), blank(source), flags=re.M)
        for what, pattern in words:
            for match in re.finditer(pattern, code, re.M):
                complain(match.start(), f"{what} in the core: {match.group().strip()[:60]}")
    return sorted(complaints)


def check_tree(root):
    """All complaints about the tree, as (path, line, what), and the number of files."""
    complaints = []
    count = 0
    for folder in LAYERS + TOP:
        for directory, folders, names in os.walk(pathlib.Path(root, folder)):
            folders.sort()
            for name in sorted(names):
                if not name.endswith((".h", ".cc")):
                    continue
                file = pathlib.Path(directory, name)
                path = file.relative_to(root).as_posix()
                count += 1
                for line, what in check_source(path, file.read_text(encoding="utf-8")):
                    complaints.append((path, line, what))
    return complaints, count


def main(arguments):
    if len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0] if arguments else __file__).resolve()
    if not arguments:
        root = root.parent.parent
    complaints, count = check_tree(root)
    for path, line, what in complaints:
        print(f"{path}:{line}: {what}")
    print(f"{count} files checked, {len(complaints)} complaints")
    return 1 if complaints or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
