#include "tools/h2/get_request.h"

#include <algorithm>

namespace h2::inline v0::tools {
namespace {

std::string method_of(const GetOptions& options, const GetTarget& target) {
  if (options.method) return *options.method;
  if (options.head) return "HEAD";
  if (options.data) return "POST";
  return target.upload_path ? "PUT" : "GET";
}

}  // namespace

PlannedRequest plan_request(const GetOptions& options, const GetTarget& target,
                            const std::string& user_agent) {
  PlannedRequest plan;
  plan.method = method_of(options, target);
  plan.has_body = options.data.has_value() || target.upload_path.has_value();
  const auto is_given = [&](std::string_view name) {
    const auto& removed = options.removed_headers;
    return std::find(removed.begin(), removed.end(), name) != removed.end() ||
           std::any_of(options.headers.begin(), options.headers.end(),
                       [&](const auto& h) { return h.first == name; });
  };
  const auto add_default = [&](const char* name, const std::string& value) {
    if (!is_given(name)) plan.fields.emplace_back(name, value);
  };
  add_default("user-agent", user_agent);
  add_default("accept", "*/*");
  if (options.data) add_default("content-type", "application/x-www-form-urlencoded");
  for (const auto& [name, value] : options.headers) {
    if (name == "host") {
      plan.authority = value;
    } else {
      plan.fields.emplace_back(name, value);
    }
  }
  return plan;
}

}  // namespace h2::inline v0::tools
