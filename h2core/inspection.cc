#include "h2core/inspection.h"

namespace h2::inline v0 {

std::string_view to_string(AbuseCause cause) noexcept {
  switch (cause) {
    case AbuseCause::kPing:
      return "ping";
    case AbuseCause::kSettings:
      return "settings";
    case AbuseCause::kIgnoredFrame:
      return "ignored_frame";
    case AbuseCause::kEmptyData:
      return "empty_data";
    case AbuseCause::kWindowUpdate:
      return "window_update";
    case AbuseCause::kReset:
      return "reset";
    case AbuseCause::kRefusedStream:
      return "refused_stream";
    case AbuseCause::kSmallContinuation:
      return "small_continuation";
    case AbuseCause::kUnsolicitedAck:
      return "unsolicited_ack";
    case AbuseCause::kClosedStream:
      return "closed_stream";
    case AbuseCause::kRepeatedGoAway:
      return "repeated_goaway";
    case AbuseCause::kPriorityUpdate:
      return "priority_update";
  }
  return "unknown";
}

AbuseCause AbuseReport::costliest() const {
  std::size_t most = 0;
  for (std::size_t i = 1; i < kAbuseCauses; ++i) {
    if (spent[i] > spent[most]) most = i;
  }
  return static_cast<AbuseCause>(most);
}

std::string_view describe(SendingWaitsFor reason) noexcept {
  switch (reason) {
    case SendingWaitsFor::kNothing:
      return "there are bytes to send";
    case SendingWaitsFor::kNoStream:
      return "there is no such stream, or it is over";
    case SendingWaitsFor::kEnded:
      return "our side has ended";
    case SendingWaitsFor::kRelease:
      return "the stream ended early and waits to be released";
    case SendingWaitsFor::kStreamLimit:
      return "the request is queued, as the peer allows no more streams at once";
    case SendingWaitsFor::kHeaders:
      return "the application has not sent the field section";
    case SendingWaitsFor::kApplication:
      return "the application has neither given more nor ended our side";
    case SendingWaitsFor::kBodySource:
      return "the body's source had no bytes and was not resumed";
    case SendingWaitsFor::kStreamWindow:
      return "the peer's window for this stream is used up";
    case SendingWaitsFor::kConnectionWindow:
      return "the peer's window for the connection is used up";
    case SendingWaitsFor::kOutput:
      return "the output is full and was not written";
  }
  return "unknown";
}

std::string_view describe(ReceivingWaitsFor reason) noexcept {
  switch (reason) {
    case ReceivingWaitsFor::kNoStream:
      return "there is no such stream, or it is over";
    case ReceivingWaitsFor::kEnded:
      return "the peer's side has ended";
    case ReceivingWaitsFor::kRelease:
      return "the stream ended early and waits to be released";
    case ReceivingWaitsFor::kStreamLimit:
      return "the request has not been sent, as the peer allows no more streams at once";
    case ReceivingWaitsFor::kMarkSent:
      return "no input is taken until answers to the peer were written";
    case ReceivingWaitsFor::kHeaders:
      return "the peer has not sent its field section";
    case ReceivingWaitsFor::kPeer:
      return "the peer may send and does not";
    case ReceivingWaitsFor::kStreamCredit:
      return "our window for this stream is used up and what came was not acknowledged";
    case ReceivingWaitsFor::kConnectionCredit:
      return "our window for the connection is used up and what came was not acknowledged";
  }
  return "unknown";
}

}  // namespace h2::inline v0
