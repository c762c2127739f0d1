// `h2 get`: the request that a URL of the command line asks for.
// Tested by tests/tools/get_test.cc.
#ifndef H2_TOOLS_H2_GET_REQUEST_H_
#define H2_TOOLS_H2_GET_REQUEST_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/h2/get_options.h"

namespace h2::inline v0::tools {

// A request before it is handed to the client.
struct PlannedRequest {
  std::string method;
  std::optional<std::string> authority;  // from -H 'Host: ...', if it differs from the URL's
  std::vector<std::pair<std::string, std::string>>
      fields;             // lower-case names, in order, without pseudo-fields
  bool has_body = false;  // from options.data or the target's upload_path
};

// What method and fields the options give for a target (as curl does: GET, HEAD for -I, POST for
// -d, PUT for -T, -X above all). `user_agent` is sent unless -H says otherwise.
PlannedRequest plan_request(const GetOptions& options, const GetTarget& target,
                            const std::string& user_agent);

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_GET_REQUEST_H_
