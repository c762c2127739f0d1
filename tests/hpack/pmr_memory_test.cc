// The adaptor over std::pmr.
#include "hpack/pmr_memory.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "hpack/vector.h"

namespace h2::tests {
namespace {

TEST(PmrMemory, ServesFromTheResourceBeneath) {
  alignas(16) std::array<std::byte, 4'096> buffer;
  std::pmr::monotonic_buffer_resource beneath(buffer.data(), buffer.size(),
                                              std::pmr::null_memory_resource());
  PmrMemory memory(beneath);
  Vector<std::uint32_t> items(memory);
  ASSERT_TRUE(items.reserve(100));
  const auto* at = reinterpret_cast<const std::byte*>(items.data());
  EXPECT_GE(at, buffer.data());
  EXPECT_LT(at, buffer.data() + buffer.size());
}

TEST(PmrMemory, BadAllocBecomesARefusal) {
  PmrMemory memory(*std::pmr::null_memory_resource());
  Vector<std::uint8_t> bytes(memory);
  EXPECT_FALSE(bytes.reserve(1));
  EXPECT_FALSE(bytes.push_back(1));
  EXPECT_TRUE(bytes.empty());
}

}  // namespace
}  // namespace h2::tests
