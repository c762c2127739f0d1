// Which h2cpp this is. Tested by tests/h2core/frame_test.cc and tests/tools/scripts_test.py.
#ifndef H2_H2CORE_VERSION_H_
#define H2_H2CORE_VERSION_H_

#include <string_view>

namespace h2::inline v0 {

// Of the headers that a program was compiled with: major, minor and patch level.
inline constexpr std::string_view kVersion = "0.1.0";

// Of the library that it runs with; differs from kVersion if the two were not built together.
std::string_view version() noexcept;

}  // namespace h2::inline v0

#endif  // H2_H2CORE_VERSION_H_
