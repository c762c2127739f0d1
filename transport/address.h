// A socket address: IPv4 or IPv6 with a port. Tested by tests/transport/address_test.cc.
#ifndef H2_TRANSPORT_ADDRESS_H_
#define H2_TRANSPORT_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace h2::inline v0::transport {

class Address {
 public:
  Address() = default;  // of no family
  // Copies `length` bytes, at most the size of sockaddr_storage.
  Address(const sockaddr* address, socklen_t length);

  // From a numeric literal: "192.0.2.1", "2001:db8::1", "[2001:db8::1]", with a zone "fe80::1%eth0"
  // too. Nullopt for anything else, names included.
  static std::optional<Address> from_literal(std::string_view literal, std::uint16_t port);

  int family() const { return storage_.ss_family; }  // AF_INET, AF_INET6, or AF_UNSPEC
  std::uint16_t port() const;
  Address with_port(std::uint16_t port) const;
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return length_; }

  // "192.0.2.1", "2001:db8::1"
  std::string host_string() const;
  // "192.0.2.1:443", "[2001:db8::1]:443"
  std::string to_string() const;

  friend bool operator==(const Address& a, const Address& b);

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_ADDRESS_H_
