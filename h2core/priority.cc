// Priority field values. See priority.h.
#include "h2core/priority.h"

namespace h2::inline v0 {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool in(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

// Reads structured fields as far as a dictionary of priorities may hold them, and remembers what
// the last bare item was.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  // A dictionary: members by commas, each a key with a value or true.
  bool dictionary(PriorityParameters& into) {
    skip(" ");
    while (!rest_.empty()) {
      std::string_view name;
      if (!key(name)) return false;
      kind_ = Kind::kBoolean;
      number_ = 1;
      if (take('=')) {
        if (!(peek() == '(' ? inner_list() : bare_item())) return false;
      }
      const Kind kind = kind_;
      const std::int64_t number = number_;
      if (!parameters()) return false;
      apply(name, kind, number, into);
      skip(" \t");
      if (rest_.empty()) return true;
      if (!take(',')) return false;
      skip(" \t");
      if (rest_.empty()) return false;  // a comma with nothing behind it
    }
    return true;
  }

 private:
  enum class Kind : std::uint8_t { kInteger, kBoolean, kOther };

  static void apply(std::string_view name, Kind kind, std::int64_t number,
                    PriorityParameters& into) {
    if (name == "u" && kind == Kind::kInteger && number >= 0 && number <= Priority::kBackground) {
      into.urgency = static_cast<std::uint8_t>(number);
    }
    if (name == "i" && kind == Kind::kBoolean) into.incremental = number != 0;
  }

  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(char c) {
    if (peek() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip(std::string_view set) {
    while (!rest_.empty() && in(set, rest_.front())) rest_.remove_prefix(1);
  }

  bool key(std::string_view& name) {
    std::size_t n = 0;
    while (n < rest_.size() && (is_lower(rest_[n]) || rest_[n] == '*' ||
                                (n > 0 && (is_digit(rest_[n]) || in("_-.", rest_[n]))))) {
      ++n;
    }
    name = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return n > 0;
  }

  bool parameters() {
    while (take(';')) {
      skip(" ");
      std::string_view name;
      if (!key(name)) return false;
      if (take('=') && !bare_item()) return false;
    }
    return true;
  }

  bool inner_list() {
    (void)take('(');
    for (;;) {
      skip(" ");
      if (take(')')) break;
      if (!bare_item() || !parameters()) return false;
      if (peek() != ' ' && peek() != ')') return false;
    }
    kind_ = Kind::kOther;
    return true;
  }

  bool bare_item() {
    const char c = peek();
    if (c == '-' || is_digit(c)) return number();
    kind_ = Kind::kOther;
    if (c == '"') return string();
    if (c == ':') return byte_sequence();
    if (c == '?') return boolean();
    return (is_alpha(c) || c == '*') && token();
  }

  // At most 15 digits, or 12 and a fraction of 3.
  bool number() {
    const bool negative = take('-');
    std::size_t digits = 0;
    number_ = 0;
    for (; is_digit(peek()); rest_.remove_prefix(1)) {
      if (++digits > 15) return false;
      number_ = number_ * 10 + (peek() - '0');
    }
    if (digits == 0) return false;
    kind_ = Kind::kInteger;
    if (negative) number_ = -number_;
    if (!take('.')) return true;
    kind_ = Kind::kOther;
    std::size_t fraction = 0;
    for (; is_digit(peek()); rest_.remove_prefix(1)) ++fraction;
    return digits <= 12 && fraction >= 1 && fraction <= 3;
  }

  bool string() {
    (void)take('"');
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c < 0x20 || c > 0x7e) return false;
      if (c == '\\' && !take('"') && !take('\\')) return false;
    }
    return false;
  }

  bool byte_sequence() {
    (void)take(':');
    while (is_alpha(peek()) || is_digit(peek()) || in("+/=", peek())) rest_.remove_prefix(1);
    return take(':');
  }

  bool boolean() {
    (void)take('?');
    kind_ = Kind::kBoolean;
    number_ = peek() == '1' ? 1 : 0;
    return take('0') || take('1');
  }

  bool token() {
    const auto part = [](char c) {
      return is_alpha(c) || is_digit(c) || in("!#$%&'*+-.^_`|~:/", c);
    };
    while (!rest_.empty() && part(rest_.front())) rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
  Kind kind_ = Kind::kOther;
  std::int64_t number_ = 0;
};

}  // namespace

bool parse_priority(std::string_view value, PriorityParameters& into) noexcept {
  PriorityParameters read = into;
  if (!Reader(value).dictionary(read)) return false;
  into = read;
  return true;
}

PriorityText::PriorityText(Priority priority) noexcept {
  const auto add = [this](std::string_view part) {
    size_ += part.copy(text_ + size_, sizeof text_ - size_);
  };
  if (priority.urgency != Priority::kDefaultUrgency) {
    add("u=");
    const char digit = static_cast<char>('0' + priority.urgency % 8);
    add({&digit, 1});
  }
  if (priority.incremental) add(size_ > 0 ? ", i" : "i");
}

}  // namespace h2::inline v0
