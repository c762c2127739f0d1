// What all verbs of the h2 tool share: reading the command line. See verbs.h.
#include "tools/h2/verbs.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

namespace h2::inline v0::tools {

int usage_error(const CLI::App& app, const std::string& message) {
  std::cerr << app.get_name() << ": " << message << "\n\n" << app.help();
  return kExitUsage;
}

int parse_command_line(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return kExitOk;
  } catch (const CLI::CallForVersion& version) {
    std::cout << version.what() << '\n';
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error.what());
  }
  return -1;
}

}  // namespace h2::inline v0::tools
