// The h2 tool: one program, a verb per job. Finds the verb and leaves the rest of the command line
// to it. Tested by tests/tools/verbs_test.cc.
#include <cstdio>
#include <cstring>
#include <exception>
#include <iterator>
#include <string>

#include "h2core/version.h"
#include "tools/h2/verbs.h"

namespace {

constexpr h2::tools::Verb kVerbs[] = {
    {"get", h2::tools::run_get, "fetch URLs, with options named like curl's"},
    {"serve", h2::tools::run_serve, "serve files and test routes"},
    {"hpack", h2::tools::run_hpack, "encode, decode and check header blocks"},
    {"dump", h2::tools::run_dump, "show the frames in bytes, captures and packet captures"},
    {"demo", h2::tools::run_demo, "watch a server and a client share one connection"},
};

void print_usage(std::FILE* to) {
  std::fputs(
      "h2: HTTP/2 from the command line\n\n"
      "Usage: h2 VERB [OPTION]... [ARGUMENT]...\n"
      "       h2 help VERB\n"
      "       h2 --version\n\n"
      "Verbs:\n",
      to);
  for (const h2::tools::Verb& verb : kVerbs)
    std::fprintf(to, "  %-8s%s\n", verb.name, verb.summary);
}

const h2::tools::Verb* find_verb(const char* name) {
  for (const h2::tools::Verb& verb : kVerbs) {
    if (std::strcmp(verb.name, name) == 0) return &verb;
  }
  return nullptr;
}

int unknown(const char* what, const char* value) {
  std::fprintf(stderr, "h2: unknown %s '%s'\n\n", what, value);
  print_usage(stderr);
  return h2::tools::kExitUsage;
}

int help(int argc, char** argv) {
  if (argc < 3) {
    print_usage(stdout);
    return h2::tools::kExitOk;
  }
  const h2::tools::Verb* verb = find_verb(argv[2]);
  if (verb == nullptr) return unknown("verb", argv[2]);
  char option[] = "--help";
  char* arguments[] = {argv[2], option, nullptr};
  return verb->run(2, arguments);
}

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("h2: no verb given\n\n", stderr);
    print_usage(stderr);
    return h2::tools::kExitUsage;
  }
  const std::string first = argv[1];
  if (first == "--version" || first == "-V") {
    std::printf("h2 %.*s (h2cpp)\n", static_cast<int>(h2::version().size()), h2::version().data());
    return h2::tools::kExitOk;
  }
  if (first == "--help" || first == "-h") {
    print_usage(stdout);
    return h2::tools::kExitOk;
  }
  if (first == "help") return help(argc, argv);
  const h2::tools::Verb* verb = find_verb(argv[1]);
  if (verb == nullptr) return unknown(first.starts_with('-') ? "option" : "verb", argv[1]);
  return verb->run(argc - 1, argv + 1);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "h2: %s\n", error.what());
    return h2::tools::kExitFailed;
  }
}
