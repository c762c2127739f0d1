#!/bin/sh
# usage: run_in_tree.sh SCRIPT.py [ARGUMENT]...
# Runs a Python script of this repository in its working tree, which is where
# Bazel's link to the WORKSPACE file points.
set -eu
tree=$(dirname "$(readlink -f WORKSPACE)")
cd "$tree"
PYTHONDONTWRITEBYTECODE=1 exec python3 "$@"
