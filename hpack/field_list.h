// Header fields in one arena, used again and again. Tested by tests/hpack/codec_test.cc.
#ifndef H2_HPACK_FIELD_LIST_H_
#define H2_HPACK_FIELD_LIST_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>

#include "hpack/header_field.h"
#include "hpack/text.h"
#include "hpack/vector.h"

namespace h2::inline v0::hpack {

// Owns the bytes of a list of fields. Not thread-safe. Growing may move the bytes: fields read from
// the list view it until the next append, keep_from or clear.
class FieldList {
 public:
  explicit FieldList(MemoryResource& memory) : bytes_(memory), records_(memory) {}

  // Copies a field to the end; false: no memory, nothing changed.
  [[nodiscard]] bool append(const HeaderField& field) {
    char* to = room(field.name.size() + field.value.size());
    if (to == nullptr) return false;
    if (field.name.data() + field.name.size() == field.value.data()) {  // as in a table's entry
      copy_text(to, {field.name.data(), field.name.size() + field.value.size()});
    } else {
      copy_text(to, field.name);
      copy_text(to + field.name.size(), field.value);
    }
    commit(field);
    return true;
  }

  // The same without the copying: room for `size` bytes behind the last field (or null: no memory),
  // and then, with the name and the value side by side at its beginning, the field itself, of which
  // commit looks at the sizes and marks only. What is not committed is forgotten.
  [[nodiscard]] char* room(std::size_t size) {
    // One byte more, so that the empty field has an address too.
    if (!bytes_.reserve_more(size + 1) || !records_.reserve_more(1)) return nullptr;
    return bytes_.data() + bytes_.size();
  }
  void commit(const HeaderField& field) {
    const std::size_t begin = bytes_.size();
    (void)bytes_.resize_uninitialized(begin + field.name.size() + field.value.size());
    records_.push_back_reserved({static_cast<std::uint32_t>(begin),
                                 static_cast<std::uint32_t>(field.name.size()),
                                 static_cast<std::uint32_t>(field.value.size()), field.annotation,
                                 field.token, field.sensitive});
  }
  HeaderField operator[](std::size_t i) const {
    const Record& r = records_[i];
    const char* at = bytes_.data() + r.begin;
    return {{at, r.name}, {at + r.name, r.value}, r.sensitive, r.token, r.annotation};
  }
  std::size_t size() const { return records_.size(); }
  bool empty() const { return records_.empty(); }
  // Keeps the memory.
  void clear() {
    bytes_.clear();
    records_.clear();
  }
  // Drops the fields before `first`, which becomes the field 0.
  void keep_from(std::size_t first) {
    if (first == 0) return;
    if (first >= records_.size()) return clear();
    const std::uint32_t cut = records_[first].begin;
    bytes_.erase_front(cut);
    records_.erase_front(first);
    for (Record& r : records_) r.begin -= cut;
  }
  // Drops the fields from `first` on for which `gone` says so.
  template <class Predicate>
  void remove_if(std::size_t first, Predicate gone) {
    std::size_t kept = first;
    for (std::size_t i = first; i < records_.size(); ++i) {
      if (!gone((*this)[i])) records_[kept++] = records_[i];
    }
    while (records_.size() > kept) records_.pop_back();
  }
  // Makes one field of all those from `first` on that have `token`, in the place of the first of
  // them: their values with `separator` between. Sensitive if one was. False: no memory, nothing
  // changed.
  [[nodiscard]] bool join(std::size_t first, Token token, std::string_view separator) {
    std::size_t size = 0;
    std::size_t count = 0;
    for (std::size_t i = first; i < records_.size(); ++i) {
      if (records_[i].token != token) continue;
      size += (count++ == 0 ? records_[i].name : separator.size()) + records_[i].value;
    }
    if (count < 2) return true;
    char* to = room(size);
    if (to == nullptr) return false;
    const auto add = [&to](std::string_view text) {
      copy_text(to, text);
      to += text.size();
    };
    Record* joined = nullptr;
    for (std::size_t i = first; i < records_.size(); ++i) {
      if (records_[i].token != token) continue;
      const HeaderField field = (*this)[i];
      add(joined == nullptr ? field.name : separator);
      add(field.value);
      if (joined == nullptr) joined = &records_[i];
      joined->sensitive = joined->sensitive || field.sensitive;
    }
    const auto begin = static_cast<std::uint32_t>(bytes_.size());
    (void)bytes_.resize_uninitialized(begin + size);
    joined->begin = begin;
    joined->value = static_cast<std::uint32_t>(size) - joined->name;
    const std::size_t place = static_cast<std::size_t>(joined - records_.begin());
    std::size_t at = first;
    remove_if(first,
              [&](const HeaderField& field) { return at++ != place && field.token == token; });
    return true;
  }
  // The sum of the fields' sizes as RFC 7541 §4.1 counts them.
  std::size_t counted_size() const {
    std::size_t sum = 32 * records_.size();
    for (const Record& r : records_) sum += std::size_t{r.name} + r.value;
    return sum;
  }

 private:
  struct Record {
    std::uint32_t begin;
    std::uint32_t name;
    std::uint32_t value;
    std::uint32_t annotation;
    Token token;
    bool sensitive;
  };
  Vector<char> bytes_;
  Vector<Record> records_;
};

// A run of fields in a FieldList; iterating gives HeaderField by value. Lives as long as the list
// is left alone.
struct FieldsView {
  const FieldList* list = nullptr;
  std::uint32_t first = 0;
  std::uint32_t count = 0;

  class Iterator {
   public:
    using value_type = HeaderField;
    using reference = HeaderField;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    Iterator(const FieldList* list, std::size_t at) : list_(list), at_(at) {}
    HeaderField operator*() const { return (*list_)[at_]; }
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
    const FieldList* list_ = nullptr;
    std::size_t at_ = 0;
  };

  Iterator begin() const { return {list, first}; }
  Iterator end() const { return {list, std::size_t{first} + count}; }
  std::size_t size() const { return count; }
  bool empty() const { return count == 0; }
  HeaderField operator[](std::size_t i) const { return (*list)[first + i]; }

  // The value of the first field of that name (lower case), or none.
  std::optional<std::string_view> find(std::string_view name) const {
    for (const HeaderField field : *this) {
      if (field.name == name) return field.value;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> find(Token token) const {
    for (const HeaderField field : *this) {
      if (field.token == token) return field.value;
    }
    return std::nullopt;
  }
};

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_FIELD_LIST_H_
