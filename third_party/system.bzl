"""The repository @system: the machine's libraries as Bazel targets.

  @system//:boringssl       TLS; looked up, see below
  @system//:cares           c-ares, asynchronous DNS
  @system//:zlib            gzip and deflate
  @system//:cli11           command lines (headers only)
  @system//:nlohmann_json   JSON (headers only)
  @system//:pcap            libpcap, files of captured packets
  @system//:nghttp2         another HTTP/2 library, a peer for tests and benches
  @system//:gmock           GoogleTest and GoogleMock
  @system//:gtest_main      the same with a main()
  @system//:benchmark       Google Benchmark

All but BoringSSL are on the default paths of the compiler and the linker, so
their targets carry only a -l. BoringSSL is taken from $BORINGSSL_ROOT (set in
the environment or with --repo_env) if that is set, otherwise from the directories
of Debian's android-libboringssl-dev. Its headers are tracked by Bazel; after
an upgrade of any other package run `bazel clean`.

Bazel fetches this repository only when a target that is built depends on it:
//hpack and //h2core do not.
"""

# (header that proves the package is there, Debian package)
_PACKAGES = [
    ("ares.h", "libc-ares-dev"),
    ("benchmark/benchmark.h", "libbenchmark-dev"),
    ("CLI/CLI.hpp", "libcli11-dev"),
    ("gmock/gmock.h", "libgmock-dev"),
    ("gtest/gtest.h", "libgtest-dev"),
    ("nghttp2/nghttp2.h", "libnghttp2-dev"),
    ("nlohmann/json.hpp", "nlohmann-json3-dev"),
    ("pcap/pcap.h", "libpcap-dev"),
    ("zlib.h", "zlib1g-dev"),
]

_BUILD = """
load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])

cc_library(
    name = "boringssl",
    srcs = {boringssl_srcs},
    hdrs = glob(["boringssl/include/openssl/**"]),
    includes = ["boringssl/include"],
    linkopts = {boringssl_linkopts},
)

cc_library(name = "cares", linkopts = ["-lcares"])

cc_library(name = "zlib", linkopts = ["-lz"])

cc_library(name = "cli11")

cc_library(name = "nlohmann_json")

cc_library(name = "pcap", linkopts = ["-lpcap"])

cc_library(name = "nghttp2", linkopts = ["-lnghttp2"])

cc_library(name = "gmock", linkopts = ["-lgmock", "-lgtest", "-pthread"])

cc_library(name = "gtest_main", linkopts = ["-lgtest_main"], deps = [":gmock"])

cc_library(name = "benchmark", linkopts = ["-lbenchmark", "-pthread"])
"""

def _multiarch(ctx):
    """Debian's name of the target, such as x86_64-linux-gnu, or ""."""
    for name in [ctx.os.environ.get("CC", ""), "gcc", "cc", "clang"]:
        if not name:
            continue
        compiler = name if "/" in name else ctx.which(name)
        if not compiler:
            continue
        result = ctx.execute([compiler, "-print-multiarch"])
        if result.return_code == 0 and result.stdout.strip():
            return result.stdout.strip()
    return ""

def _first_with(ctx, directories, files):
    """The first of the directories that holds all of the files, or None."""
    for directory in directories:
        if all([ctx.path(directory + "/" + f).exists for f in files]):
            return directory
    return None

def _find_boringssl(ctx, multiarch):
    """(include directory, library directory, shared?), or None when absent."""
    root = ctx.os.environ.get("BORINGSSL_ROOT", "")
    if root:
        includes = [root + "/include", root + "/include/android"]
        libraries = [root + "/lib", root + "/lib64"]
        if multiarch:
            libraries += [
                root + "/lib/" + multiarch,
                root + "/lib/" + multiarch + "/android",
            ]
    else:
        includes = ["/usr/include/android"]
        libraries = ["/usr/lib/" + multiarch + "/android"] if multiarch else []
        libraries.append("/usr/lib/android")

    # <openssl/base.h> is BoringSSL's alone: OpenSSL does not have it.
    include = _first_with(ctx, includes, ["openssl/ssl.h", "openssl/base.h"])
    if not include:
        return None
    library = _first_with(ctx, libraries, ["libssl.so", "libcrypto.so"])
    if library:
        return (include, library, True)
    library = _first_with(ctx, libraries, ["libssl.a", "libcrypto.a"])
    if library:
        return (include, library, False)
    return None

def _system_impl(ctx):
    multiarch = _multiarch(ctx)

    missing = []
    boringssl = _find_boringssl(ctx, multiarch)
    if not boringssl:
        root = ctx.os.environ.get("BORINGSSL_ROOT", "")
        if root:
            fail("BORINGSSL_ROOT=" + root + " holds no BoringSSL: expected " +
                 "include/openssl/base.h and lib/libssl.{so,a}, lib/libcrypto.{so,a}")
        missing.append("android-libboringssl-dev")

    includes = ["/usr/include", "/usr/local/include"]
    if multiarch:
        includes.append("/usr/include/" + multiarch)
    for header, package in _PACKAGES:
        if not _first_with(ctx, includes, [header]):
            missing.append(package)
    if missing:
        fail("missing system libraries; run tools/setup, or on Debian:\n\n" +
             "    apt-get install " + " ".join(missing) + "\n")

    include, library, shared = boringssl
    ctx.symlink(include + "/openssl", "boringssl/include/openssl")
    if shared:
        # By full path, so that an installed OpenSSL is never taken instead.
        srcs = []
        linkopts = [
            library + "/libssl.so",
            library + "/libcrypto.so",
            "-Wl,-rpath," + library,
            "-pthread",
        ]
    else:
        for name in ["libssl.a", "libcrypto.a"]:
            ctx.symlink(library + "/" + name, "boringssl/lib/" + name)
        srcs = ["boringssl/lib/libssl.a", "boringssl/lib/libcrypto.a"]
        linkopts = ["-pthread"]

    # For those who need to know the place: the installer.
    ctx.file("boringssl.bzl", "BORINGSSL_INCLUDE = %r\n" % include)
    ctx.file("BUILD.bazel", _BUILD.format(
        boringssl_srcs = repr(srcs),
        boringssl_linkopts = repr(linkopts),
    ))

system_libraries = repository_rule(
    implementation = _system_impl,
    doc = "Finds the machine's libraries; see the top of this file.",
    environ = ["BORINGSSL_ROOT", "CC"],
    local = True,
    configure = True,
)
