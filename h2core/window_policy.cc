#include "h2core/window_policy.h"

#include <algorithm>
#include <variant>

namespace h2::inline v0 {

namespace {

// Tells our PINGs from others'.
constexpr PingData kSamplePing = {'h', '2', 'w', 'i', 'n', 'd', 'o', 'w'};
constexpr std::uint32_t kSmall = 1U << 20U;  // windows below it grow faster
constexpr Duration kFirstPause = milliseconds(100);
constexpr Duration kLongestPause = seconds(10);

std::uint64_t rate_of(std::uint64_t bytes, Duration time) {
  const auto microseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(time.ns / 1000, 1));
  return bytes * 1'000'000 / microseconds;
}

}  // namespace

void AdaptiveWindows::on_event(Connection& connection, const Event& event, Time now) noexcept {
  if (const auto* data = std::get_if<DataReceived>(&event)) {
    on_data(connection, data->flow_controlled_length, now);
  } else if (const auto* answer = std::get_if<PingAckReceived>(&event)) {
    if (sampling_ && answer->data == kSamplePing) on_sample(connection, answer->round_trip, now);
  } else if (std::holds_alternative<SettingsAcknowledged>(event)) {
    if (connection.unacknowledged_settings() == 0) settling_ = false;
  }
}

void AdaptiveWindows::on_data(Connection& connection, std::uint32_t bytes, Time now) noexcept {
  if (!window_) window_ = connection.announced_settings().initial_window_size;
  if (sampling_) {
    sample_ += bytes;
    return;
  }
  if (*window_ >= options_.most || settling_ || now < next_sample_) return;
  if (!connection.ping(kSamplePing, now)) return;
  sampling_ = true;
  sample_ = bytes;
}

void AdaptiveWindows::on_sample(Connection& connection, Duration round_trip, Time now) noexcept {
  sampling_ = false;
  shortest_ = shortest_ ? std::min(*shortest_, round_trip) : round_trip;
  // A window's worth in a round trip is as much as there can be; half of it, when the peer waits
  // for credit that comes by halves.
  const bool held_back = sample_ * 2 >= *window_;
  const std::uint64_t rate = rate_of(sample_, round_trip);
  const bool faster = rate > best_rate_ + best_rate_ / 10;
  best_rate_ = std::max(best_rate_, rate);
  if (held_back && faster && grow(connection, now)) {
    pause_ = Duration{};
    next_sample_ = now;
    return;
  }
  pause_ = pause_ == Duration{} ? kFirstPause : std::min(pause_ + pause_, kLongestPause);
  next_sample_ = now + pause_;
}

bool AdaptiveWindows::grow(Connection& connection, Time now) noexcept {
  const std::uint64_t wanted = std::uint64_t{*window_} * (*window_ < kSmall ? 4 : 2);
  const auto next = static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, options_.most));
  if (next <= *window_) return false;
  const Setting setting[] = {{SettingCode::kInitialWindowSize, next}};
  if (!connection.update_settings(setting, now)) return false;
  settling_ = true;
  window_ = next;
  // The connection's may be larger already.
  const std::int64_t missing = next - connection.receive_window_size(kConnectionStream);
  if (missing > 0) {
    (void)connection.increment_flow_control_window(static_cast<std::uint32_t>(missing),
                                                   kConnectionStream);
  }
  return true;
}

}  // namespace h2::inline v0
