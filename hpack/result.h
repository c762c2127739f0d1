// A value or an error, shaped like std::expected (which is C++23). Needs no exceptions.
// Tested by tests/hpack/result_test.cc.
#ifndef H2_HPACK_RESULT_H_
#define H2_HPACK_RESULT_H_

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#if defined(__cpp_exceptions)
#include <exception>
#endif

namespace h2::inline v0 {

// Wraps an error on its way into a Result.
template <class E>
class Unexpected {
 public:
  constexpr explicit Unexpected(E error) : error_(std::move(error)) {}
  constexpr const E& error() const& { return error_; }
  constexpr E&& error() && { return std::move(error_); }

 private:
  E error_;
};

template <class E>
constexpr Unexpected<std::decay_t<E>> unexpected(E&& error) {
  return Unexpected<std::decay_t<E>>(std::forward<E>(error));
}

#if defined(__cpp_exceptions)
// What value() throws when there is none.
template <class E>
class BadResultAccess : public std::exception {
 public:
  explicit BadResultAccess(E error) : error_(std::move(error)) {}
  const char* what() const noexcept override {
    return "h2: value() of a Result that holds an error";
  }
  const E& error() const { return error_; }

 private:
  E error_;
};
#endif

// Either a T or an E. operator* and -> need a value, error() needs an error; check first.
template <class T, class E>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = E;

  constexpr Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT
  template <class G>
  requires std::is_convertible_v<G, E>
  constexpr Result(Unexpected<G> error)  // NOLINT
      : state_(std::in_place_index<1>, std::move(error).error()) {}

  constexpr bool has_value() const { return state_.index() == 0; }
  constexpr explicit operator bool() const { return has_value(); }

  constexpr T& operator*() & { return *std::get_if<0>(&state_); }
  constexpr const T& operator*() const& { return *std::get_if<0>(&state_); }
  constexpr T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  constexpr T* operator->() { return std::get_if<0>(&state_); }
  constexpr const T* operator->() const { return std::get_if<0>(&state_); }

  constexpr E& error() & { return *std::get_if<1>(&state_); }
  constexpr const E& error() const& { return *std::get_if<1>(&state_); }
  constexpr E&& error() && { return std::move(*std::get_if<1>(&state_)); }

  template <class U>
  constexpr T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }

#if defined(__cpp_exceptions)
  // The value; throws BadResultAccess<E> if there is none.
  constexpr T& value() & {
    if (!has_value()) throw BadResultAccess<E>(error());
    return **this;
  }
  constexpr const T& value() const& {
    if (!has_value()) throw BadResultAccess<E>(error());
    return **this;
  }
  constexpr T&& value() && {
    if (!has_value()) throw BadResultAccess<E>(error());
    return std::move(**this);
  }
#endif

 private:
  std::variant<T, E> state_;
};

// Success without a value, or an E.
template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  using value_type = void;
  using error_type = E;

  constexpr Result() = default;
  template <class G>
  requires std::is_convertible_v<G, E>
  constexpr Result(Unexpected<G> error) : error_(std::move(error).error()) {}  // NOLINT

  constexpr bool has_value() const { return !error_.has_value(); }
  constexpr explicit operator bool() const { return has_value(); }
  constexpr E& error() & { return *error_; }
  constexpr const E& error() const& { return *error_; }
  constexpr E&& error() && { return std::move(*error_); }

#if defined(__cpp_exceptions)
  constexpr void value() const {
    if (error_) throw BadResultAccess<E>(*error_);
  }
#endif

 private:
  std::optional<E> error_;
};

}  // namespace h2::inline v0

#endif  // H2_HPACK_RESULT_H_
