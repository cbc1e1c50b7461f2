#include "rushlight/core/host.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include <sched.h>
#include <unistd.h>

namespace rushlight {
namespace {

// The first number of a file; kNoLimit for "max", for v1's -1 and where there is no such file.
int64_t read_number(const std::string& path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value && value > 0 ? value : kNoLimit;
}

int64_t processors(int64_t quota, int64_t period) {
  if (quota == kNoLimit || period == kNoLimit) return kNoLimit;
  return quota / period + (quota % period != 0);
}

// cpu.max holds "quota period" or "max period" (kernel documentation: admin-guide/cgroup-v2).
int64_t cpu_limit_v2(const std::string& group) {
  std::ifstream file(group + "/cpu.max");
  int64_t quota = 0, period = 0;
  return file >> quota >> period && quota > 0 && period > 0 ? processors(quota, period) : kNoLimit;
}

int64_t cpu_limit_v1(const std::string& group) {
  return processors(read_number(group + "/cpu.cfs_quota_us"), read_number(group + "/cpu.cfs_period_us"));
}

int64_t memory_limit_v2(const std::string& group) { return read_number(group + "/memory.max"); }
int64_t memory_limit_v1(const std::string& group) { return read_number(group + "/memory.limit_in_bytes"); }

using ReadLimit = int64_t (*)(const std::string& group);

// The tightest limit of a group and its ancestors, the hierarchy's root included: inside a container the path
// that /proc names is often outside what is mounted, and the limit stands at the mounted root.
int64_t tightest(const std::string& mount, std::string path, ReadLimit read) {
  int64_t limit = read(mount);
  while (path.size() > 1) {
    limit = std::min(limit, read(mount + path));
    path.erase(path.rfind('/'));
  }
  return limit;
}

bool has_controller(const std::string& list, const std::string& wanted) {
  std::istringstream names(list);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == wanted) return true;
  }
  return false;
}

// Each line of /proc/self/cgroup is "id:controllers:/path"; v2's has no controllers (man 7 cgroups).
int64_t cgroup_limit(const std::string& root, const std::string& controller, ReadLimit v1, ReadLimit v2) {
  const std::string mounts = root + "/sys/fs/cgroup";
  std::ifstream groups(root + "/proc/self/cgroup");
  int64_t limit = kNoLimit;
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      limit = std::min(limit, tightest(mounts, path, v2));
    } else if (has_controller(controllers, controller)) {
      limit = std::min(limit, tightest(mounts + "/" + controller, path, v1));
      limit = std::min(limit, tightest(mounts + "/" + controllers, path, v1));
    }
  }
  return limit;
}

// The mask grows until the kernel's fits: machines with over 1024 processors need more than a cpu_set_t.
int64_t affinity_cpus() {
  for (int bits = CPU_SETSIZE; bits <= (1 << 18); bits *= 2) {
    cpu_set_t* set = CPU_ALLOC(bits);
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(bits);
    const int allowed = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (allowed > 0) return allowed;
  }
  return kNoLimit;
}

}  // namespace

int64_t cgroup_cpu_limit(const std::string& root) {
  return cgroup_limit(root, "cpu", cpu_limit_v1, cpu_limit_v2);
}

int64_t cgroup_memory_limit(const std::string& root) {
  return cgroup_limit(root, "memory", memory_limit_v1, memory_limit_v2);
}

// Linux gives a directory for each cache, its size as "32768K" (Documentation/ABI, sysfs-devices-system-cpu).
int64_t last_cache_bytes(const std::string& root) {
  int64_t most = 0;
  for (int i = 0; i < 8; ++i) {
    std::ifstream file(root + "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/size");
    int64_t size = 0;
    char unit = 0;
    if (file >> size >> unit && size > 0 && size < (1 << 30) && unit == 'K')
      most = std::max(most, size * 1024);
  }
  return most > 0 ? most : int64_t{32} << 20;
}

int available_cpus() {
  const int64_t hardware = std::max<int64_t>(1, std::thread::hardware_concurrency());
  return static_cast<int>(std::min({hardware, affinity_cpus(), cgroup_cpu_limit()}));
}

int64_t available_memory() {
  const int64_t pages = std::max<int64_t>(1, sysconf(_SC_PHYS_PAGES));
  return std::min(pages * sysconf(_SC_PAGESIZE), cgroup_memory_limit());
}

}  // namespace rushlight
