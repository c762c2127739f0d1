#!/usr/bin/env python3
"""Tests of bench/instructions: its arithmetic and its arguments. Nothing is counted."""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "bench" / "instructions"


def load():
    loader = importlib.machinery.SourceFileLoader("instructions", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("instructions", loader))
    loader.exec_module(module)
    return module


instructions = load()


def run(*argv):
    return subprocess.run([sys.executable, SCRIPT, *argv], capture_output=True, text=True,
                          check=False)


class Instructions(unittest.TestCase):
    def test_the_start_cancels_out(self):
        self.assertEqual(instructions.difference((200, 1_000_000), (400, 1_002_000)), 10)

    def test_runs_of_one_length_are_an_error(self):
        with self.assertRaises(instructions.Failed):
            instructions.difference((200, 1_000), (200, 1_000))

    def test_callgrinds_total_is_found(self):
        text = "==7== Callgrind\n==7== \n==7== Events    : Ir\n==7== Collected : 123456\n"
        self.assertEqual(instructions.parse_collected(text), 123456)
        with self.assertRaises(instructions.Failed):
            instructions.parse_collected("==7== killed\n")

    def test_the_usual_rows_are_rows(self):
        source = (ROOT / "bench" / "versus_rows.cc").read_text()
        for name in instructions.USUAL:
            family, _, kind = name.partition(" ")
            self.assertIn(family, source)
            self.assertIn(kind, source)

    def test_help_goes_to_standard_output(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("usage: bench/instructions", done.stdout)

    def test_wrong_options_are_named_with_usage_on_standard_error(self):
        for argv in (["--frob"], ["extra"], ["--filter"]):
            done = run(*argv)
            self.assertEqual(done.returncode, 2, argv)
            self.assertEqual(done.stdout, "")
            self.assertIn("usage: ", done.stderr)
            self.assertIn(argv[0], done.stderr)

    def test_a_binary_that_is_absent_is_named(self):
        done = run("--binary", "/nowhere/versus")
        self.assertEqual(done.returncode, 1)
        self.assertNotEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()
