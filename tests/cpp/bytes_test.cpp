#include "rushlight/kernels/cpu/bytes.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace rushlight::cpu {
namespace {

// Every length around the group of vectors, every place in a line: what lies beside stays as it was.
TEST(Bytes, CopiesJustThese) {
  constexpr size_t kRoom = 1600;
  std::vector<uint8_t> from(kRoom);
  for (size_t i = 0; i < kRoom; ++i) from[i] = static_cast<uint8_t>(i * 7 + 1);
  for (size_t n = 0; n <= 1100; n = n < 300 ? n + 1 : n + 37) {
    for (size_t at : {0, 1, 4, 31, 60, 63, 64}) {
      for (const auto copy : {&copy_bytes, &copy_vectors, &stream_bytes}) {
        std::vector<uint8_t> to(kRoom, 0xee), expected = to;
        for (size_t i = 0; i < n; ++i) expected[at + i] = from[i + 3];
        copy(to.data() + at, from.data() + 3, n);
        end_stream();
        ASSERT_EQ(to, expected) << n << " bytes to " << at;
      }
    }
  }
}

TEST(Bytes, CachesHoldLittleAndNotAll) {
  constexpr int64_t kLittle = 64 << 10, kMuch = int64_t{1} << 40;
  EXPECT_FALSE(exceeds_caches(kLittle, kLittle));
  EXPECT_FALSE(exceeds_caches(kLittle, kMuch));
  EXPECT_TRUE(exceeds_caches(kMuch, kMuch));
  EXPECT_TRUE(exceeds_caches(kMuch, 0));
}

}  // namespace
}  // namespace rushlight::cpu
