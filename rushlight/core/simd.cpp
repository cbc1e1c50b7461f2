#include "rushlight/core/simd.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <hwy/targets.h>

#include "rushlight/core/error.h"

namespace rushlight {
namespace {

// Highway's names in lower case, but "avx512" for its "AVX3".
std::string name_of(int64_t target) {
  std::string name = hwy::TargetName(target);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name.rfind("avx3", 0) == 0) name.replace(0, 4, "avx512");
  return name;
}

struct Choice {
  std::vector<std::string> targets;
  std::string target;
  std::string error;
};

// Better targets have lower bits, and Highway takes the best that is not disabled.
Choice choose() {
  Choice choice;
  int64_t better = 0;
  const char* asked = std::getenv("RUSHLIGHT_SIMD");
  const std::string wanted = asked ? asked : "";
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    choice.targets.push_back(name_of(target));
    if (!choice.target.empty()) continue;
    if (wanted.empty() || wanted == choice.targets.back()) {
      choice.target = choice.targets.back();
    } else {
      better |= target;
    }
  }
  if (choice.target.empty()) {
    choice.target = choice.targets.front();
    choice.error = "RUSHLIGHT_SIMD=" + wanted + ": this build and processor have";
    for (const std::string& name : choice.targets) choice.error += " " + name;
  } else if (better != 0) {
    hwy::DisableTargets(better);
  }
  return choice;
}

const Choice& choice() {
  static const Choice& made = *new Choice(choose());
  return made;
}

// Before any kernel can run. There is nobody yet to catch an exception: Python's import asks simd_target()
// and raises it.
[[maybe_unused]] const bool chosen_at_load = [] {
  if (!choice().error.empty()) std::fprintf(stderr, "%s\n", choice().error.c_str());
  return true;
}();

}  // namespace

const std::string& simd_target() {
  RL_CHECK_AS(ValueError, choice().error.empty(), choice().error);
  return choice().target;
}

const std::vector<std::string>& simd_targets() { return choice().targets; }

}  // namespace rushlight
