#!/usr/bin/env python3
"""Prints the example of a Markdown file that follows the line `<!-- run: tests/readme, NAME -->`."""
import re
import sys

path, name = sys.argv[1:]
text = open(path, encoding="utf-8").read()
found = re.search(r"<!-- run: tests/readme, %s -->\n```(?:cpp|c|python)\n(.*?)\n```\n" % re.escape(name), text, re.S)
if not found:
    sys.exit("%s has no example named %s" % (path, name))
lines = found.group(1).splitlines()
limit = {"sans_io": 30, "client": 10}.get(name, 70)
code = [line for line in lines if line.strip()]
if len(code) > limit:
    sys.exit("the example %s has %d lines of code, more than %d" % (name, len(code), limit))
print(found.group(1))
