// What this process may use of the machine: the smaller of what the hardware has, what the scheduler's
// affinity mask allows and what the control groups (v1 and v2) grant.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace rushlight {

// Processors this process may keep busy, a fractional quota rounded up. At least 1.
int available_cpus();

// Bytes of memory this process may use.
int64_t available_memory();

// Bytes of the largest cache that a processor reaches; 32 MiB where the system does not say.
int64_t last_cache_bytes(const std::string& root = "");

// The limits of the control groups that the process is in, all ancestors included; kNoLimit where none is
// set. `root` stands before "/proc" and "/sys", so that a test can lay out its own tree.
inline constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
int64_t cgroup_cpu_limit(const std::string& root = "");     // whole processors, rounded up
int64_t cgroup_memory_limit(const std::string& root = "");  // bytes

}  // namespace rushlight
