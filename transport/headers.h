// An owned list of header fields, in order, in one piece of memory (RFC 9110 §5).
// Tested by tests/transport/headers_test.cc.
#ifndef H2_TRANSPORT_HEADERS_H_
#define H2_TRANSPORT_HEADERS_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hpack/header_field.h"

namespace h2::inline v0::transport {

// Header fields as the user of a client sees them. Names are compared without regard to case and
// stored in lower case (RFC 9113 §8.2). Copyable; not thread-safe. Views into it live until it
// changes.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    for (const auto& [name, value] : fields) add(name, value);
  }

  // Appends a field; one of the same name stays.
  void add(std::string_view name, std::string_view value, bool sensitive = false) {
    const std::size_t begin = text_.size();
    for (const char c : name) text_ += lower(c);
    text_ += value;
    records_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(name.size()),
                        static_cast<std::uint32_t>(value.size()), sensitive});
  }
  // Removes all fields of that name, then appends one.
  void set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
  }
  // Removes all fields of that name.
  void remove(std::string_view name) {
    std::erase_if(records_, [&](const Record& r) { return same(this->name(r), name); });
    if (records_.empty()) text_.clear();
  }
  void clear() {
    records_.clear();
    text_.clear();
  }

  // The value of the first field of that name, if there is one.
  std::optional<std::string_view> find(std::string_view name) const {
    for (const Record& r : records_) {
      if (same(this->name(r), name)) return value(r);
    }
    return std::nullopt;
  }
  bool contains(std::string_view name) const { return find(name).has_value(); }
  // The value of the first field of that name, or "".
  std::string_view get(std::string_view name) const {
    return find(name).value_or(std::string_view{});
  }

  std::size_t size() const { return records_.size(); }
  bool empty() const { return records_.empty(); }
  hpack::HeaderField operator[](std::size_t i) const {
    const Record& r = records_[i];
    hpack::HeaderField field;
    field.name = name(r);
    field.value = value(r);
    field.sensitive = r.sensitive;
    return field;
  }
  // Bytes of all names and values.
  std::size_t text_size() const {
    std::size_t sum = 0;
    for (const Record& r : records_) sum += std::size_t{r.name} + r.value;
    return sum;
  }

  class Iterator {
   public:
    using value_type = hpack::HeaderField;
    using reference = hpack::HeaderField;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    Iterator(const Headers* headers, std::size_t at) : headers_(headers), at_(at) {}
    hpack::HeaderField operator*() const { return (*headers_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++at_;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Headers* headers_ = nullptr;
    std::size_t at_ = 0;
  };
  // Iterating gives HeaderField by value.
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, records_.size()}; }

 private:
  struct Record {
    std::uint32_t begin;
    std::uint32_t name;
    std::uint32_t value;
    bool sensitive;
  };
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
  static bool same(std::string_view stored, std::string_view asked) {
    if (stored.size() != asked.size()) return false;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (stored[i] != lower(asked[i])) return false;
    }
    return true;
  }
  std::string_view name(const Record& r) const { return {text_.data() + r.begin, r.name}; }
  std::string_view value(const Record& r) const {
    return {text_.data() + r.begin + r.name, r.value};
  }

  std::string text_;
  std::vector<Record> records_;
};

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_HEADERS_H_
