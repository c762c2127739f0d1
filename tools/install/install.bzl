"""The rule behind //:install: headers, one merged static library, a pkg-config file."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

# Whatever the command line says, what is installed is optimised and position-independent
# (so that the archive can go into someone's shared library).
def _optimised_impl(settings, attr):
    return {
        "//command_line_option:compilation_mode": "opt",
        "//command_line_option:force_pic": True,
    }

_optimised = transition(
    implementation = _optimised_impl,
    inputs = [],
    outputs = [
        "//command_line_option:compilation_mode",
        "//command_line_option:force_pic",
    ],
)

def _install_impl(ctx):
    headers = []
    archives = []
    flags = []
    for dep in ctx.attr.deps:
        headers += dep[CcInfo].compilation_context.direct_public_headers
        for linker_input in dep[CcInfo].linking_context.linker_inputs.to_list():
            for flag in linker_input.user_link_flags:
                if flag not in flags:
                    flags.append(flag)
            for library in linker_input.libraries:
                archive = library.pic_static_library or library.static_library
                if archive and archive not in archives and not linker_input.owner.workspace_name:
                    archives.append(archive)

    # `ar -M` keeps members of equal name from different archives; `ar rc` would not.
    library = ctx.actions.declare_file(ctx.label.name + "/lib%s.a" % ctx.attr.package)
    script = ctx.actions.declare_file(ctx.label.name + "/merge.mri")
    ctx.actions.write(script, "\n".join(
        ["CREATE " + library.path] + ["ADDLIB " + a.path for a in archives] + ["SAVE", "END", ""],
    ))
    toolchain = find_cpp_toolchain(ctx)
    ctx.actions.run_shell(
        command = "'%s' -M < '%s'" % (toolchain.ar_executable, script.path),
        inputs = depset([script] + archives, transitive = [toolchain.all_files]),
        outputs = [library],
        mnemonic = "MergeArchives",
    )

    description = ctx.actions.declare_file(ctx.label.name + "/%s.pc" % ctx.attr.package)
    ctx.actions.write(description, """prefix=@PREFIX@
includedir=${prefix}/include
libdir=${prefix}/lib

Name: %s
Description: HTTP/2 for C++
Version: %s
Cflags: -I${includedir} %s
Libs: -L${libdir} -l%s %s
""" % (
        ctx.attr.package,
        ctx.attr.version,
        " ".join(ctx.attr.cflags),
        ctx.attr.package,
        " ".join(flags),
    ))

    installer = ctx.actions.declare_file(ctx.label.name + "/install.sh")
    ctx.actions.expand_template(
        template = ctx.file._template,
        output = installer,
        is_executable = True,
        substitutions = {
            "{PACKAGE}": ctx.attr.package,
            "{LIBRARY}": library.short_path,
            "{DESCRIPTION}": description.short_path,
            "{HEADERS}": "\n".join([h.short_path for h in headers]),
        },
    )
    return [DefaultInfo(
        executable = installer,
        runfiles = ctx.runfiles(files = [library, description] + headers),
    )]

h2_install = rule(
    implementation = _install_impl,
    attrs = {
        "cflags": attr.string_list(doc = "Options that whoever includes the headers needs."),
        "deps": attr.label_list(
            doc = "The libraries whose public headers are installed.",
            cfg = _optimised,
            providers = [CcInfo],
        ),
        "package": attr.string(doc = "Name of the library and of the folder of headers."),
        "version": attr.string(),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_template": attr.label(default = "//tools/install:install.sh.in", allow_single_file = True),
    },
    executable = True,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
