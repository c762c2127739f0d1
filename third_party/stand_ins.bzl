"""Stand-ins for the repositories that Bazel 4 loads in every C++ build.

Bazel's own @bazel_tools loads cc rules from @rules_cc, java rules from
@rules_java (it registers Java toolchains in every build) and gives every test
a dependency on two tools of @remote_coverage_tools. The real ones would have to
be downloaded. A C++ build needs from them only the native rules under another
name, so each is written on the spot.
"""

_RULES_CC = """
cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
"""

_RULES_JAVA = """
java_binary = native.java_binary
java_import = native.java_import
java_library = native.java_library
java_runtime = native.java_runtime
java_toolchain = native.java_toolchain
"""

# Executable targets, because `bazel coverage` crashes on anything else.
_COVERAGE_BUILD = """
package(default_visibility = ["//visibility:public"])

sh_binary(
    name = "lcov_merger",
    srcs = ["unavailable.sh"],
)

sh_binary(
    name = "coverage_report_generator",
    srcs = ["unavailable.sh"],
)
"""

_COVERAGE_SCRIPT = """#!/bin/sh
echo 'bazel coverage is not set up in this workspace' >&2
exit 1
"""

def _rules_cc_impl(ctx):
    ctx.file("cc/BUILD.bazel", "")
    ctx.file("cc/defs.bzl", _RULES_CC)

def _rules_java_impl(ctx):
    ctx.file("java/BUILD.bazel", "")
    ctx.file("java/defs.bzl", _RULES_JAVA)

def _coverage_impl(ctx):
    ctx.file("BUILD.bazel", _COVERAGE_BUILD)
    ctx.file("unavailable.sh", _COVERAGE_SCRIPT, executable = True)

_rules_cc = repository_rule(implementation = _rules_cc_impl)
_rules_java = repository_rule(implementation = _rules_java_impl)
_coverage = repository_rule(implementation = _coverage_impl)

def stand_in_repositories():
    """Declares @rules_cc, @rules_java and @remote_coverage_tools."""
    _rules_cc(name = "rules_cc")
    _rules_java(name = "rules_java")
    _coverage(name = "remote_coverage_tools")
