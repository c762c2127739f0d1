#!/usr/bin/env python3
"""Counts the test cases of one `bazel test` run and prints 'N passed, N failed'.

usage: tools/summarize_tests.py BUILD_EVENTS.json BAZEL_EXIT_STATUS

The list of tests and the paths of their reports come from the run's build events
(--build_event_json_file), so a report left over from an earlier run is never
counted. Counted as failed, beside failing cases: a test that ended badly though
all its cases passed (a crash, a leak, a timeout), a test that could not be built
(once), and, if Bazel failed and nothing else explains it, one.

Its test is tests/tools/scripts_test.py.
"""

import json
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree


class Counts:
    """Numbers of test cases, and the names of those that failed."""

    def __init__(self):
        self.passed = 0
        self.skipped = 0
        self.failures = []

    def summary(self):
        text = f"{self.passed} passed, {len(self.failures)} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def count_report(path, label, counts):
    """Adds the cases of one XML report; returns how many of them failed."""
    failed = 0
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            counts.failures.append(f"{label} {name}")
        elif (case.find("skipped") is not None or case.get("status") == "notrun"
              or case.get("result") in ("skipped", "suppressed")):
            counts.skipped += 1
        else:
            counts.passed += 1
    return failed


def read_events(path):
    """The build events of a file; a truncated last line is ignored."""
    with open(path, encoding="utf-8") as events:
        for line in events:
            try:
                yield json.loads(line)
            except ValueError:
                continue


def summarize(events_path, exit_status):
    """The Counts of a run."""
    configured = set()  # labels of the test targets
    built = set()       # labels of all targets that were built
    failed_targets = set()
    results = {}        # (label, configuration, run, shard) -> (attempt, result)
    for event in read_events(events_path):
        key = event.get("id", {})
        if "targetConfigured" in key and event.get("configured", {}).get("testSize"):
            configured.add(key["targetConfigured"]["label"])
        elif "targetCompleted" in key:
            label = key["targetCompleted"]["label"]
            good = event.get("completed", {}).get("success", False)
            (built if good else failed_targets).add(label)
        elif "testResult" in key and "testResult" in event:
            test = key["testResult"]
            where = (test["label"], test.get("configuration", {}).get("id"),
                     test.get("run"), test.get("shard"))
            attempt = int(test.get("attempt", 1))
            if where not in results or attempt >= results[where][0]:
                results[where] = (attempt, event["testResult"])

    counts = Counts()
    for (label, _, _, shard), (_, result) in sorted(
            results.items(), key=lambda item: [str(part) for part in item[0]]):
        status = result.get("status", "NO_STATUS")
        reports = [output["uri"] for output in result.get("testActionOutput", [])
                   if output.get("name") == "test.xml" and "uri" in output]
        failed = cases = 0
        before = counts.passed + counts.skipped
        for uri in reports:
            path = urllib.parse.unquote(urllib.parse.urlparse(uri).path)
            try:
                failed += count_report(path, label, counts)
            except (OSError, ElementTree.ParseError) as error:
                failed += 1
                counts.failures.append(f"{label} (unreadable report: {error})")
        cases = counts.passed + counts.skipped - before + failed
        good = status in ("PASSED", "FLAKY")
        if not good and not failed:
            counts.failures.append(f"{label} ({status})")
        elif good and not cases and not shard:
            counts.failures.append(f"{label} (reported no test case)")

    ran = {where[0] for where in results}
    for label in sorted((configured | failed_targets) - ran - built):
        counts.failures.append(f"{label} (not built)")
    if exit_status and not counts.failures:
        counts.failures.append(f"(bazel: exit status {exit_status})")
    return counts


def main(arguments):
    if len(arguments) != 2 or not arguments[1].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    try:
        counts = summarize(arguments[0], int(arguments[1]))
    except OSError as error:
        counts = Counts()
        counts.failures.append(f"(no build events: {error})")
    for name in counts.failures:
        print(f"FAILED {name}")
    print(counts.summary())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
