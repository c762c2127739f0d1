"""The build macros of this repository. Every BUILD file starts with

    load("//third_party:defs.bzl", "h2_core_library", "h2_library", "h2_binary", "h2_test")

and uses

    h2_core_library(        # hpack/ and h2core/: no exceptions, no RTTI
        name = "hpack",
        srcs = ["decoder.cc"],
        hdrs = ["decoder.h"],
        visibility = ["//:hpack_users"],
    )

    h2_library(             # transport/, client/, helpers of tests and tools
        name = "transport",
        srcs = ["tcp_stream.cc"],
        hdrs = ["tcp_stream.h"],
        deps = ["//h2core", "@system//:boringssl"],
        visibility = ["//:transport_users"],
    )

    h2_test(                # a GoogleTest program; main(), gtest and gmock are linked
        name = "decoder_test",
        srcs = ["decoder_test.cc"],
        deps = ["//hpack"],
    )

    h2_binary(name = "h2", srcs = ["main.cc"], deps = ["//client"])

    h2_fuzz_test(           # LLVMFuzzerTestOneInput; replays its corpus as a test,
        name = "decoder_fuzz_test",     # is a libFuzzer program under --config=fuzz
        srcs = ["decoder_fuzz_test.cc"],
        corpus = glob(["decoder_corpus/**"]),
        deps = ["//hpack"],
    )

All take the arguments of the cc_* rule beneath (data, size, tags, testonly, ...).

What the macros add:
  * strict warnings, which are errors, in our code (system headers are exempt);
  * for each header of a library a compilation of a file that includes just this
    header, twice: it must be self-contained and guarded. The target is called
    NAME_headers and is built by `bazel build //...`; nobody depends on it;
  * static linking of our own libraries, so that a test holds one copy of
    GoogleTest and nothing is compiled twice;
  * size = "small" for a test that does not say otherwise.

Who may depend on whom (hpack <- h2core <- transport <- client <- the rest) is said
by the package groups in the top BUILD.bazel: give each library the visibility of
its layer, "//:hpack_users", "//:h2core_users", "//:transport_users" or
"//:client_users". What only tests and benches may see (the inner headers of
h2core) gets "//:internals_users".
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
]

_CORE = [
    "-fno-exceptions",
    "-fno-rtti",
]

def _header_check(name, hdrs, deps, copts, testonly):
    """Compiles, for each header, a file that includes it twice and nothing else."""
    srcs = []
    package = native.package_name()
    for header in hdrs:
        if not header.endswith(".h") or ":" in header:
            continue
        path = package + "/" + header if package else header
        source = "%s_headers/%s.cc" % (name, header[:-2].replace("/", "_"))
        line = '#include "%s"' % path
        native.genrule(
            name = source.replace("/", "_").replace(".", "_"),
            outs = [source],
            cmd = "printf '%%s\\n' '%s' '%s' > $@" % (line, line),
            visibility = ["//visibility:private"],
        )
        srcs.append(source)
    if not srcs:
        return
    cc_library(
        name = name + "_headers",
        testonly = testonly,
        srcs = srcs,
        copts = copts,
        linkstatic = True,
        visibility = ["//visibility:private"],
        deps = [":" + name] + deps,
    )

def _library(name, srcs, hdrs, deps, copts, flags, testonly, kwargs):
    cc_library(
        name = name,
        testonly = testonly,
        srcs = srcs,
        hdrs = hdrs,
        copts = WARNINGS + flags + copts,
        linkstatic = True,
        deps = deps,
        **kwargs
    )
    _header_check(name, hdrs, deps, WARNINGS + flags + copts, testonly)

def h2_core_library(name, srcs = [], hdrs = [], deps = [], copts = [], testonly = False, **kwargs):
    """A library of the protocol core: compiled without exceptions and RTTI."""
    _library(name, srcs, hdrs, deps, copts, _CORE, testonly, kwargs)

def h2_library(name, srcs = [], hdrs = [], deps = [], copts = [], testonly = False, **kwargs):
    """Any other library."""
    _library(name, srcs, hdrs, deps, copts, [], testonly, kwargs)

def h2_binary(name, srcs = [], deps = [], copts = [], visibility = ["//:top_layer"], **kwargs):
    """A program."""
    cc_binary(
        name = name,
        srcs = srcs,
        copts = WARNINGS + copts,
        visibility = visibility,
        deps = deps,
        **kwargs
    )

def h2_test(name, srcs = [], deps = [], copts = [], size = "small", linkstatic = True, **kwargs):
    """A GoogleTest program."""
    cc_test(
        name = name,
        size = size,
        srcs = srcs,
        copts = WARNINGS + copts,
        linkstatic = linkstatic,
        deps = deps + ["@system//:gmock", "@system//:gtest_main"],
        **kwargs
    )

def h2_fuzz_test(name, srcs = [], corpus = [], deps = [], copts = [], size = "small", **kwargs):
    """A fuzz target. As a test it runs over the files of its corpus, each once.

    Under --config=fuzz it fuzzes for 30 seconds, or as long as
    `bazel run --config=fuzz TARGET -- -max_total_time=N $PWD/CORPUS_DIRECTORY` says.
    """
    cc_test(
        name = name,
        size = size,
        srcs = srcs,
        copts = WARNINGS + copts,
        args = select({
            "//third_party:fuzz": ["-max_total_time=30"],
            "//conditions:default": ["$(rootpaths %s)" % label for label in corpus],
        }),
        data = corpus,
        linkopts = select({
            "//third_party:fuzz": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        linkstatic = True,
        deps = deps + select({
            "//third_party:fuzz": [],
            "//conditions:default": ["//tests/fuzz/replay"],
        }),
        **kwargs
    )
