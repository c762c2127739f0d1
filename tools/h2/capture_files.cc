// Files of captures. See capture_files.h.
#include "tools/h2/capture_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace h2::inline v0::tools {

namespace {

// Hands each piece to the system at once: what was written survives the end of this program.
class FileSink final : public RecordSink {
 public:
  FileSink(std::string path, std::unique_ptr<OwnedFile> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  void write(Bytes bytes) noexcept override {
    while (file_ != nullptr && !bytes.empty()) {
      const ssize_t n = ::write(file_->fd(), bytes.data(), bytes.size());
      if (n >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(n));
      } else if (errno != EINTR) {
        std::fprintf(stderr, "h2: --record: writing %s failed: %s; its capture ends here\n",
                     path_.c_str(), std::strerror(errno));
        file_.reset();
      }
    }
  }

 private:
  const std::string path_;
  std::unique_ptr<OwnedFile> file_;
};

class JoinedSink final : public RecordSink {
 public:
  JoinedSink(std::unique_ptr<RecordSink> a, std::unique_ptr<RecordSink> b)
      : a_(std::move(a)), b_(std::move(b)) {}
  void write(Bytes bytes) noexcept override {
    a_->write(bytes);
    b_->write(bytes);
  }

 private:
  std::unique_ptr<RecordSink> a_;
  std::unique_ptr<RecordSink> b_;
};

}  // namespace

OwnedFile::~OwnedFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::unique_ptr<OwnedFile>, std::string> create_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return unexpected("cannot write " + path + ": " + std::strerror(errno));
  return std::make_unique<OwnedFile>(fd);
}

Result<std::unique_ptr<CaptureFiles>, std::string> CaptureFiles::open(const std::string& path) {
  auto first = create_private_file(path);
  if (!first) return unexpected(first.error());
  return std::unique_ptr<CaptureFiles>(new CaptureFiles(path, std::move(*first)));
}

std::unique_ptr<RecordSink> CaptureFiles::next() {
  const std::lock_guard lock(mutex_);
  ++made_;
  if (first_ != nullptr) return std::make_unique<FileSink>(path_, std::move(first_));
  const std::string path = path_ + "." + std::to_string(made_);
  auto file = create_private_file(path);
  if (!file) {
    std::fprintf(stderr, "h2: --record: %s\n", file.error().c_str());
    return nullptr;
  }
  return std::make_unique<FileSink>(path, std::move(*file));
}

std::unique_ptr<RecordSink> joined(std::unique_ptr<RecordSink> a, std::unique_ptr<RecordSink> b) {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  return std::make_unique<JoinedSink>(std::move(a), std::move(b));
}

}  // namespace h2::inline v0::tools
