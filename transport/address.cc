// Socket addresses. See address.h.
#include "transport/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace h2::inline v0::transport {

namespace {

template <class T>
T as(const sockaddr* address) {
  T value{};
  std::memcpy(&value, address, sizeof value);
  return value;
}

template <class T>
Address from(const T& address) {
  return Address(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace

Address::Address(const sockaddr* address, socklen_t length)
    : length_(std::min<socklen_t>(length, sizeof storage_)) {
  std::memcpy(&storage_, address, length_);
}

std::optional<Address> Address::from_literal(std::string_view literal, std::uint16_t port) {
  if (literal.size() > 2 && literal.front() == '[' && literal.back() == ']') {
    literal = literal.substr(1, literal.size() - 2);
    if (literal.find(':') == std::string_view::npos)
      return std::nullopt;  // brackets are for IPv6 (RFC 3986 §3.2.2)
  }
  if (literal.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string text(literal);
  sockaddr_in v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return from(v4);
  }
  sockaddr_in6 v6{};
  const std::size_t zone = text.find('%');
  if (inet_pton(AF_INET6, text.substr(0, zone).c_str(), &v6.sin6_addr) != 1) return std::nullopt;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (zone != std::string::npos) {
    v6.sin6_scope_id = if_nametoindex(text.substr(zone + 1).c_str());
    if (v6.sin6_scope_id == 0) return std::nullopt;
  }
  return from(v6);
}

std::uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(as<sockaddr_in>(data()).sin_port);
  if (family() == AF_INET6) return ntohs(as<sockaddr_in6>(data()).sin6_port);
  return 0;
}

Address Address::with_port(std::uint16_t port) const {
  if (family() == AF_INET) {
    auto v4 = as<sockaddr_in>(data());
    v4.sin_port = htons(port);
    return from(v4);
  }
  if (family() == AF_INET6) {
    auto v6 = as<sockaddr_in6>(data());
    v6.sin6_port = htons(port);
    return from(v6);
  }
  return *this;
}

std::string Address::host_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    const auto v4 = as<sockaddr_in>(data());
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  } else if (family() == AF_INET6) {
    const auto v6 = as<sockaddr_in6>(data());
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return text;
}

std::string Address::to_string() const {
  if (family() == AF_UNSPEC) return {};
  const std::string host = family() == AF_INET6 ? "[" + host_string() + "]" : host_string();
  return host + ":" + std::to_string(port());
}

bool operator==(const Address& a, const Address& b) {
  return a.length_ == b.length_ && std::memcmp(&a.storage_, &b.storage_, a.length_) == 0;
}

}  // namespace h2::inline v0::transport
