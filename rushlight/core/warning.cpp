#include "rushlight/core/warning.h"

#include <atomic>
#include <cstdio>

namespace rushlight {
namespace {

std::atomic<WarningHook> warning_hook{nullptr};

}  // namespace

void set_warning_hook(WarningHook hook) { warning_hook.store(hook); }

void warn(const std::string& text, WarningKind kind) {
  if (WarningHook hook = warning_hook.load()) return hook(kind, text);
  const char* name = kind == WarningKind::User     ? "UserWarning"
                     : kind == WarningKind::Future ? "FutureWarning"
                                                   : "DeprecationWarning";
  std::fprintf(stderr, "%s: %s\n", name, text.c_str());
}

}  // namespace rushlight
