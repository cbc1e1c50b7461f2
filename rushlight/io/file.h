// Files: reading at any offset, and writing so that a crash at any moment leaves the old file or the new one,
// whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace rushlight::io {

// Owns a file descriptor; -1 is none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Bytes to read at any offset: a file, or memory of the caller's that must outlive the source. Files are read
// and not mapped: a mapping of a file that another process truncates ends ours with SIGBUS, and no exception
// can say so.
class ByteSource {
 public:
  // OSError ("[Errno 2] No such file or directory: 'x.pt'") when the file does not open or is a directory.
  static ByteSource open(const std::string& path);
  static ByteSource view(std::span<const std::byte> bytes);

  uint64_t size() const { return size_; }
  // Copies bytes [offset, offset + count). False when they are not all there.
  [[nodiscard]] bool read(uint64_t offset, void* destination, size_t count) const;

 private:
  FileDescriptor file_;
  const std::byte* memory_ = nullptr;
  uint64_t size_ = 0;
};

// Where a writer puts its bytes.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void write(const void* data, size_t count) = 0;
};

class StringSink final : public ByteSink {
 public:
  void write(const void* data, size_t count) override {
    bytes_.append(static_cast<const char*>(data), count);
  }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

// A file that takes its name only when it is whole and on the disk: bytes go to a temporary file in the same
// folder, and commit() flushes it, renames it over `path` and flushes the folder. Without commit() the
// temporary file is removed and `path` stays as it was. A symbolic link is followed, the permissions of a
// file already there are kept, and what is no regular file (a device, a pipe) is written in place. Errors are
// RuntimeError with PyTorch's words.
class AtomicFile final : public ByteSink {
 public:
  explicit AtomicFile(const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() override;

  void write(const void* data, size_t count) override;
  void commit();

 private:
  void flush();
  void write_through(const void* data, size_t count);

  std::string path_;
  std::string temporary_;  // empty: written in place, or committed
  FileDescriptor file_;
  std::string buffer_;
};

}  // namespace rushlight::io
