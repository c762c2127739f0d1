#include "tools/h2/get_output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace h2::inline v0::tools {

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};  // somebody gave us a descriptor that does not block
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

Output::~Output() {
  if (fd_ >= 0 && fd_ != STDOUT_FILENO) ::close(fd_);
}

bool Output::fail(std::string_view action, int error) {
  const std::string where =
      choice_.kind == OutputChoice::Kind::kFile ? choice_.path : "standard output";
  error_ = "cannot " + std::string(action) + " " + where + ": " + std::strerror(error);
  return false;
}

bool Output::open() {
  if (fd_ >= 0) return true;
  if (choice_.kind == OutputChoice::Kind::kStdout) {
    fd_ = STDOUT_FILENO;
    return true;
  }
  fd_ = ::open(choice_.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  return fd_ >= 0 || fail("open", errno);
}

bool Output::write(std::string_view bytes) {
  if (!open()) return false;
  const int error = write_all(fd_, bytes);
  if (error != 0) return fail("write to", error);
  written_ += bytes.size();
  return true;
}

bool Output::close() {
  if (fd_ < 0 || fd_ == STDOUT_FILENO) return true;
  const int result = ::close(fd_);
  fd_ = -1;
  return result == 0 || fail("write to", errno);
}

}  // namespace h2::inline v0::tools
