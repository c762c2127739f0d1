// One budget of tokens per connection for everything that costs us and does the peer no good
// (RFC 9113 §10.5). It fills up again with time and with useful work; costs are in docs/limits.md.
// Tested by tests/h2core/abuse_ledger_test.cc.
#ifndef H2_H2CORE_ABUSE_LEDGER_H_
#define H2_H2CORE_ABUSE_LEDGER_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "h2core/inspection.h"
#include "h2core/time.h"

namespace h2::inline v0 {

namespace cost {
inline constexpr std::uint32_t kPing = 10;
inline constexpr std::uint32_t kSettings = 20;
inline constexpr std::uint32_t kSettingsEntry = 1;
inline constexpr std::uint32_t kIgnoredFrame = 5;  // PRIORITY, unknown types
inline constexpr std::uint32_t kEmptyData = 10;    // beyond one for each DATA frame with data
inline constexpr std::uint32_t kWindowUpdate =
    2;  // beyond kWindowUpdatesPerData for each DATA frame sent
inline constexpr std::uint32_t kReset = 50;     // received before our response, or raised by us
inline constexpr std::uint32_t kLateReset = 5;  // received before it, on a stream kLasting old
inline constexpr std::uint32_t kRefusedStream = 50;
inline constexpr std::uint32_t kRefusedForHeld = 5;      // where streams held take its place
inline constexpr std::uint32_t kSmallContinuation = 10;  // below kSmallContinuationBytes
inline constexpr std::uint32_t kUnsolicitedPingAck = 10;
inline constexpr std::uint32_t kUnsolicitedSettingsAck = 50;
inline constexpr std::uint32_t kClosedStreamFrame = 5;
inline constexpr std::uint32_t kRepeatedGoAway = 50;  // beyond kGoAwaysFree
inline constexpr std::uint32_t kPriorityUpdate = 5;
inline constexpr std::uint32_t kRefundStream = 50;  // a stream that finished
inline constexpr std::uint32_t kRefundData = 10;    // DATA of at least kUsefulDataBytes
inline constexpr std::uint32_t kWindowUpdatesPerData = 10;
inline constexpr std::uint32_t kSmallContinuationBytes = 1024;
inline constexpr std::uint32_t kUsefulDataBytes = 1024;
inline constexpr std::uint32_t kGoAwaysFree = 8;
inline constexpr Duration kLasting = seconds(1);
// What may be saved up of what is free.
inline constexpr std::uint32_t kMostFreeWindowUpdates = 65'536;
inline constexpr std::uint32_t kMostFreePings = 1'000;
inline constexpr std::uint32_t kMostFreeEmptyData = 1'000;
// Config::abuse_budget_per_stream is multiplied by no more streams than these.
inline constexpr std::uint32_t kMostBudgetStreams = 10'000;
}  // namespace cost

// How often the peer may do something that useful work brings about, before it is charged. Saved up
// and not reset by the next useful thing, as what the peer does comes a round trip or more later.
class Allowance {
 public:
  constexpr Allowance(std::uint32_t first, std::uint32_t most) : left_(first), most_(most) {}

  void earn(std::uint32_t times) { left_ = std::min(most_, left_ + times); }
  // Uses it once; false: there is none.
  [[nodiscard]] bool take() {
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  std::uint32_t left_;
  std::uint32_t most_;
};

class AbuseLedger {
 public:
  AbuseLedger(std::uint32_t budget, std::uint32_t refill_per_second, Time now)
      : budget_(budget), left_(budget), refill_(refill_per_second), filled_at_(now) {}

  // Lets time refill the budget.
  void advance(Time now) {
    if (now <= filled_at_ || refill_ == 0) return;
    const std::int64_t per_token = 1'000'000'000 / refill_;
    const std::int64_t tokens = (now - filled_at_).ns / std::max<std::int64_t>(per_token, 1);
    if (tokens == 0) return;
    if (tokens >= budget_ - left_) {
      left_ = budget_;
      filled_at_ = now;
      return;
    }
    left_ += tokens;
    filled_at_ = filled_at_ + Duration{tokens * per_token};
  }
  // Takes tokens; false: the budget is spent, the peer has to go.
  [[nodiscard]] bool spend(AbuseCause cause, std::uint32_t tokens) {
    spent_[static_cast<std::size_t>(cause)] += tokens;
    left_ -= tokens;
    return left_ >= 0;
  }
  // Another budget: what a larger one has more is there at once.
  void set_budget(std::uint32_t budget) {
    left_ = budget > budget_ ? left_ + (budget - budget_) : std::min<std::int64_t>(left_, budget);
    budget_ = budget;
  }
  void refund(std::uint32_t tokens) { left_ = std::min<std::int64_t>(budget_, left_ + tokens); }
  std::int64_t left() const { return left_; }
  AbuseReport report() const { return {budget_, left_, spent_}; }

 private:
  std::int64_t budget_;
  std::int64_t left_;
  std::int64_t refill_;
  Time filled_at_;
  std::array<std::uint64_t, kAbuseCauses> spent_{};
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_ABUSE_LEDGER_H_
