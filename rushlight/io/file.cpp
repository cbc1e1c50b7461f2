#include "rushlight/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <random>

#include "rushlight/core/error.h"

namespace rushlight::io {
namespace {

constexpr size_t kBufferSize = size_t{1} << 18;
constexpr size_t kLargestCall = size_t{1} << 30;  // Linux moves at most 2 GiB - 4 KiB a call

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The file that `path` leads to, so that a symbolic link keeps pointing where it points.
std::string resolve(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) != nullptr ? std::string(resolved) : path;
}

[[noreturn]] void throw_open_failed(int error) {
  throw_error("[enforce fail at inline_container.cc:747] . open file failed with strerror: ",
              std::strerror(error));
}

[[noreturn]] void throw_write_failed(const std::string& path, int error) {
  throw_error("PytorchStreamWriter failed writing file ", path, ": ", std::strerror(error));
}

std::string temporary_name(const std::string& folder) {
  static constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::string name = folder + "/.rushlight-";
  for (int i = 0; i < 12; ++i) name += kLetters[random() % (sizeof(kLetters) - 1)];
  return name + ".tmp";
}

void flush_folder(const std::string& folder) {
  const FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot flush a folder; the rename is then as durable as they make it.
  if (descriptor.get() >= 0) (void)::fsync(descriptor.get());
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

ByteSource ByteSource::open(const std::string& path) {
  ByteSource source;
  source.file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  int error = source.file_.get() < 0 || ::fstat(source.file_.get(), &status) != 0 ? errno : 0;
  if (error == 0 && S_ISDIR(status.st_mode)) error = EISDIR;
  RL_CHECK_AS(OSError, error == 0, "[Errno ", error, "] ", std::strerror(error), ": '", path, "'");
  source.size_ = static_cast<uint64_t>(status.st_size);
  return source;
}

ByteSource ByteSource::view(std::span<const std::byte> bytes) {
  ByteSource source;
  source.memory_ = bytes.data();
  source.size_ = bytes.size();
  return source;
}

bool ByteSource::read(uint64_t offset, void* destination, size_t count) const {
  if (offset > size_ || count > size_ - offset) return false;
  if (file_.get() < 0) {
    if (count > 0) std::memcpy(destination, memory_ + offset, count);
    return true;
  }
  auto* out = static_cast<char*>(destination);
  while (count > 0) {
    const ssize_t got = ::pread(file_.get(), out, std::min(count, kLargestCall), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    offset += static_cast<uint64_t>(got);
    count -= static_cast<size_t>(got);
  }
  return true;
}

AtomicFile::AtomicFile(const std::string& path) : path_(resolve(path)) {
  const std::string folder = folder_of(path_);
  struct stat status {};
  RL_CHECK(::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode), "Parent directory ",
           folder_of(path), " does not exist.");
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    file_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    if (file_.get() < 0) throw_open_failed(errno);
    return;
  }
  do {
    temporary_ = temporary_name(folder);
    file_ = FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  } while (file_.get() < 0 && errno == EEXIST);
  if (file_.get() < 0) {
    temporary_.clear();
    throw_open_failed(errno);
  }
  if (exists) (void)::fchmod(file_.get(), status.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t count) {
  if (count >= kBufferSize) {
    flush();
    write_through(data, count);
    return;
  }
  buffer_.append(static_cast<const char*>(data), count);
  if (buffer_.size() >= kBufferSize) flush();
}

void AtomicFile::flush() {
  write_through(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void AtomicFile::write_through(const void* data, size_t count) {
  const auto* bytes = static_cast<const char*>(data);
  while (count > 0) {
    const ssize_t written = ::write(file_.get(), bytes, std::min(count, kLargestCall));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_write_failed(path_, errno);
    bytes += written;
    count -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  flush();
  if (!temporary_.empty() && ::fsync(file_.get()) != 0) throw_write_failed(path_, errno);
  if (::close(file_.release()) != 0) throw_write_failed(path_, errno);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_write_failed(path_, errno);
  temporary_.clear();
  flush_folder(folder_of(path_));
}

}  // namespace rushlight::io
