// Warnings: what PyTorch would say through Python's warnings module.
#pragma once

#include <atomic>
#include <string>

namespace rushlight {

enum class WarningKind { User, Future, Deprecation };

// Passes the text to the hook; without one it goes to standard error. The hook may throw, as a warning that
// Python was told to treat as an error does.
void warn(const std::string& text, WarningKind kind = WarningKind::User);

// The same for a text that a process hears once; the flag belongs to the place that says it.
inline void warn_once(std::atomic_flag& said, const std::string& text) {
  if (!said.test_and_set()) warn(text);
}

using WarningHook = void (*)(WarningKind kind, const std::string& text);
void set_warning_hook(WarningHook hook);

}  // namespace rushlight
