#include "tools/h2/get_write_out.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace h2::inline v0::tools {
namespace {

std::string seconds(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.6f", value);
  return text.data();
}

std::string per_second(std::uint64_t bytes, double time) {
  return std::to_string(time > 0 ? std::llround(static_cast<double>(bytes) / time) : 0LL);
}

std::string three_digits(int code) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%03d", code);
  return text.data();
}

std::string header_of(const TransferFacts& facts, std::string_view name) {
  for (const auto& [field_name, value] : facts.headers) {
    if (field_name.size() == name.size() &&
        strncasecmp(field_name.data(), name.data(), name.size()) == 0) {
      return value;
    }
  }
  return {};
}

struct Variable {
  std::string_view name;
  std::string (*value)(const TransferFacts&);
};

using F = const TransferFacts&;

// In alphabetical order.
constexpr std::array kVariables{
    Variable{"content_type", [](F f) { return header_of(f, "content-type"); }},
    Variable{"errormsg", [](F f) { return f.error_message; }},
    Variable{"exitcode", [](F f) { return std::to_string(f.exit_code); }},
    Variable{"filename_effective", [](F f) { return f.filename_effective; }},
    Variable{"http_code", [](F f) { return three_digits(f.http_code); }},
    Variable{"http_version", [](F f) { return f.http_version; }},
    Variable{"local_ip", [](F f) { return f.local_ip; }},
    Variable{"local_port", [](F f) { return std::to_string(f.local_port); }},
    Variable{"method", [](F f) { return f.method; }},
    Variable{"num_connects", [](F f) { return std::to_string(f.num_connects); }},
    Variable{"num_headers", [](F f) { return std::to_string(f.headers.size()); }},
    Variable{"remote_ip", [](F f) { return f.remote_ip; }},
    Variable{"remote_port", [](F f) { return std::to_string(f.remote_port); }},
    Variable{"response_code", [](F f) { return three_digits(f.http_code); }},
    Variable{"scheme", [](F f) { return f.scheme; }},
    Variable{"size_download", [](F f) { return std::to_string(f.size_download); }},
    Variable{"size_header", [](F f) { return std::to_string(f.size_header); }},
    Variable{"size_upload", [](F f) { return std::to_string(f.size_upload); }},
    Variable{"speed_download", [](F f) { return per_second(f.size_download, f.time_total); }},
    Variable{"speed_upload", [](F f) { return per_second(f.size_upload, f.time_total); }},
    Variable{"time_appconnect", [](F f) { return seconds(f.time_appconnect); }},
    Variable{"time_connect", [](F f) { return seconds(f.time_connect); }},
    Variable{"time_namelookup", [](F f) { return seconds(f.time_namelookup); }},
    Variable{"time_pretransfer", [](F f) { return seconds(f.time_pretransfer); }},
    Variable{"time_starttransfer", [](F f) { return seconds(f.time_starttransfer); }},
    Variable{"time_total", [](F f) { return seconds(f.time_total); }},
    Variable{"url", [](F f) { return f.url; }},
    Variable{"url_effective", [](F f) { return f.url_effective; }},
    Variable{"urlnum", [](F f) { return std::to_string(f.url_number); }},
};

const Variable* find_variable(std::string_view name) {
  for (const Variable& v : kVariables) {
    if (v.name == name) return &v;
  }
  return nullptr;
}

// The character that a backslash and `c` stand for; 0 if nothing special.
char unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '\\':
      return '\\';
    default:
      return '\0';
  }
}

}  // namespace

std::vector<std::string_view> WriteOut::variables() {
  std::vector<std::string_view> names;
  for (const Variable& v : kVariables) names.push_back(v.name);
  for (const std::string_view stream : {"stderr", "stdout"}) names.push_back(stream);
  std::sort(names.begin(), names.end());
  return names;
}

void WriteOut::add_text(char c) {
  if (parts_.empty() || parts_.back().kind != Kind::kText) parts_.push_back({Kind::kText, {}});
  parts_.back().text.push_back(c);
}

bool WriteOut::add_variable(std::string_view name, std::string* error) {
  if (name == "stdout") {
    parts_.push_back({Kind::kToStdout, {}});
  } else if (name == "stderr") {
    parts_.push_back({Kind::kToStderr, {}});
  } else if (find_variable(name) != nullptr) {
    parts_.push_back({Kind::kVariable, std::string(name)});
  } else {
    *error = "unknown variable %{" + std::string(name) + "}";
    return false;
  }
  return true;
}

bool WriteOut::parse(std::string_view format, std::string* error) {
  constexpr std::string_view kHeader = "%header{";
  parts_.clear();
  for (std::size_t i = 0; i < format.size(); ++i) {
    const std::string_view rest = format.substr(i);
    const bool is_header = rest.starts_with(kHeader);
    if (is_header || rest.starts_with("%{")) {
      const std::size_t begin = is_header ? kHeader.size() : 2;
      const std::size_t end = rest.find('}', begin);
      if (end == std::string_view::npos) {
        *error = "no closing brace after " + std::string(rest.substr(0, begin));
        return false;
      }
      const std::string_view name = rest.substr(begin, end - begin);
      if (is_header) {
        parts_.push_back({Kind::kHeader, std::string(name)});
      } else if (!add_variable(name, error)) {
        return false;
      }
      i += end;
    } else if (rest.starts_with("%%")) {
      add_text('%');
      ++i;
    } else if (rest[0] == '\\' && rest.size() > 1 && unescape(rest[1]) != '\0') {
      add_text(unescape(rest[1]));
      ++i;
    } else {
      add_text(rest[0]);
    }
  }
  return true;
}

WriteOut::Text WriteOut::format(const TransferFacts& facts) const {
  Text result;
  std::string* to = &result.out;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Kind::kText:
        *to += part.text;
        break;
      case Kind::kVariable:
        *to += find_variable(part.text)->value(facts);
        break;
      case Kind::kHeader:
        *to += header_of(facts, part.text);
        break;
      case Kind::kToStdout:
        to = &result.out;
        break;
      case Kind::kToStderr:
        to = &result.err;
        break;
    }
  }
  return result;
}

}  // namespace h2::inline v0::tools
