// The verbs of the h2 tool: one function each, and the table that main() and `h2 help` read.
// Tested by tests/tools/verbs_test.cc.
#ifndef H2_TOOLS_H2_VERBS_H_
#define H2_TOOLS_H2_VERBS_H_

#include <string>

namespace CLI {
class App;
}

namespace h2::inline v0::tools {

// What a process that ran a verb exits with.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed =
    1;  // something went wrong at run time; one sentence on stderr says what
inline constexpr int kExitUsage =
    2;  // the command line is wrong; the offending value and the usage are on stderr

// Each takes the command line from its verb on (argv[0] is the verb, such as "get"), parses it by
// itself and gives the exit status. `h2 help VERB` calls it with "--help".
int run_get(int argc, char** argv);
int run_serve(int argc, char** argv);
int run_demo(int argc, char** argv);
int run_hpack(int argc, char** argv);
int run_dump(int argc, char** argv);

struct Verb {
  const char* name;
  int (*run)(int argc, char** argv);
  const char* summary;  // a few words for `h2 --help`
};

// Lets `app` parse the command line of a verb. Returns -1 if the verb should go on; otherwise what
// to exit with: 0 after --help (printed on stdout), kExitUsage after a mistake (what is wrong and
// the usage on stderr).
int parse_command_line(CLI::App& app, int argc, char** argv);

// Says on stderr what is wrong with the command line, then `app`'s usage; gives kExitUsage.
// `message` names the offending value.
int usage_error(const CLI::App& app, const std::string& message);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_VERBS_H_
