// See version.h.
#include "h2core/version.h"

namespace h2::inline v0 {

std::string_view version() noexcept { return kVersion; }

}  // namespace h2::inline v0
