// Sentences and names of errors. See error.h and error_code.h.
#include "h2core/error.h"

namespace h2::inline v0 {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNoError:
      return "NO_ERROR";
    case ErrorCode::kProtocolError:
      return "PROTOCOL_ERROR";
    case ErrorCode::kInternalError:
      return "INTERNAL_ERROR";
    case ErrorCode::kFlowControlError:
      return "FLOW_CONTROL_ERROR";
    case ErrorCode::kSettingsTimeout:
      return "SETTINGS_TIMEOUT";
    case ErrorCode::kStreamClosed:
      return "STREAM_CLOSED";
    case ErrorCode::kFrameSizeError:
      return "FRAME_SIZE_ERROR";
    case ErrorCode::kRefusedStream:
      return "REFUSED_STREAM";
    case ErrorCode::kCancel:
      return "CANCEL";
    case ErrorCode::kCompressionError:
      return "COMPRESSION_ERROR";
    case ErrorCode::kConnectError:
      return "CONNECT_ERROR";
    case ErrorCode::kEnhanceYourCalm:
      return "ENHANCE_YOUR_CALM";
    case ErrorCode::kInadequateSecurity:
      return "INADEQUATE_SECURITY";
    case ErrorCode::kHttp11Required:
      return "HTTP_1_1_REQUIRED";
  }
  return "UNKNOWN_ERROR";
}

std::string_view describe(Errc cause) {
  switch (cause) {
    case Errc::kNone:
      return "no error";
    case Errc::kBadPreface:
      return "the client's first bytes are not the HTTP/2 connection preface (RFC 9113 §3.4)";
    case Errc::kFirstFrameNotSettings:
      return "the peer's first frame is not SETTINGS (RFC 9113 §3.4)";
    case Errc::kNotHttp2:
      return "the peer does not speak HTTP/2: its first bytes are those of another protocol (RFC "
             "9113 §3.4)";
    case Errc::kFrameTooLarge:
      return "a frame is longer than our SETTINGS_MAX_FRAME_SIZE allows (RFC 9113 §4.2)";
    case Errc::kFrameSizeWrong:
      return "a frame's length is not one that its type can have (RFC 9113 §4.2)";
    case Errc::kFrameOnStreamZero:
      return "a frame that belongs to a stream came on stream 0";
    case Errc::kFrameNotOnStreamZero:
      return "a frame that belongs to the connection came on a stream";
    case Errc::kPaddingTooLong:
      return "the padding is as long as the frame's payload or longer (RFC 9113 §6.1)";
    case Errc::kInterleavedHeaderBlock:
      return "another frame came in the middle of a field block (RFC 9113 §4.3)";
    case Errc::kUnexpectedContinuation:
      return "CONTINUATION came without a field block to continue (RFC 9113 §6.10)";
    case Errc::kCompressionFailed:
      return "a field block could not be decompressed (RFC 9113 §4.3)";
    case Errc::kFrameOnIdleStream:
      return "a frame came on a stream that has not been opened (RFC 9113 §5.1)";
    case Errc::kFrameOnClosedStream:
      return "a frame came on a closed stream (RFC 9113 §5.1)";
    case Errc::kFrameOnHalfClosedStream:
      return "a frame came on a stream after the peer had ended its side (RFC 9113 §5.1)";
    case Errc::kStreamIdWrongParity:
      return "the peer opened a stream with an identifier of our side (RFC 9113 §5.1.1)";
    case Errc::kStreamIdNotIncreasing:
      return "the peer opened a stream with an identifier below one it had used (RFC 9113 §5.1.1)";
    case Errc::kSettingsValueInvalid:
      return "a SETTINGS parameter has a value that is not allowed (RFC 9113 §6.5.2)";
    case Errc::kSettingsTimeout:
      return "our SETTINGS were not acknowledged in time (RFC 9113 §6.5.3)";
    case Errc::kPrefaceTimeout:
      return "the peer's first SETTINGS did not arrive in time (RFC 9113 §3.4)";
    case Errc::kPushNotAllowed:
      return "PUSH_PROMISE came although push is not allowed here (RFC 9113 §8.4)";
    case Errc::kPushedStreamInvalid:
      return "PUSH_PROMISE promises a stream identifier that cannot be used (RFC 9113 §6.6)";
    case Errc::kGoAwayLastStreamRaised:
      return "a later GOAWAY names a higher last stream than an earlier one (RFC 9113 §6.8)";
    case Errc::kPriorityUpdateInvalid:
      return "PRIORITY_UPDATE by a server, for stream 0, for a promised stream that does not "
             "exist, or for "
             "more streams than may be open (RFC 9218 §7.1)";
    case Errc::kWindowIncrementZero:
      return "WINDOW_UPDATE with an increment of 0 (RFC 9113 §6.9)";
    case Errc::kWindowOverflow:
      return "a flow-control window would exceed 2^31-1 (RFC 9113 §6.9.1)";
    case Errc::kWindowExceeded:
      return "the peer sent more than the flow-control window allowed (RFC 9113 §6.9.1)";
    case Errc::kFieldNameInvalid:
      return "a field name has characters that are not allowed (RFC 9113 §8.2.1)";
    case Errc::kFieldValueInvalid:
      return "a field value has characters that are not allowed (RFC 9113 §8.2.1)";
    case Errc::kFieldConnectionSpecific:
      return "a connection-specific field is not allowed in HTTP/2 (RFC 9113 §8.2.2)";
    case Errc::kPseudoFieldAfterRegular:
      return "a pseudo-header field came after a regular field (RFC 9113 §8.3)";
    case Errc::kPseudoFieldUnknown:
      return "a pseudo-header field that is not defined for this message (RFC 9113 §8.3)";
    case Errc::kPseudoFieldDuplicate:
      return "a pseudo-header field came twice (RFC 9113 §8.3)";
    case Errc::kPseudoFieldMissing:
      return "a mandatory pseudo-header field is missing (RFC 9113 §8.3.1)";
    case Errc::kPseudoFieldInTrailers:
      return "trailers have a pseudo-header field (RFC 9113 §8.1)";
    case Errc::kFieldNotAllowedInTrailers:
      return "trailers have a field that belongs into the header section (RFC 9110 §6.5.1)";
    case Errc::kPseudoFieldInvalid:
      return "a pseudo-header field has a value that is not allowed (RFC 9113 §8.3)";
    case Errc::kAuthorityMismatch:
      return "the host field and :authority name different authorities (RFC 9113 §8.3.1)";
    case Errc::kConnectMalformed:
      return "a CONNECT exchange that breaks the rules (RFC 9113 §8.5)";
    case Errc::kExtendedConnectNotOffered:
      return ":protocol is used though SETTINGS_ENABLE_CONNECT_PROTOCOL was not received or sent "
             "(RFC 8441 "
             "§3)";
    case Errc::kContentLengthInvalid:
      return "content-length is not one decimal number (RFC 9113 §8.1.1)";
    case Errc::kContentLengthMismatch:
      return "the content is longer or shorter than content-length says (RFC 9113 §8.1.1)";
    case Errc::kInformationalEndsStream:
      return "an informational response may not end the stream (RFC 9113 §8.1)";
    case Errc::kSwitchingProtocols:
      return "status 101 has no meaning in HTTP/2 (RFC 9113 §8.6)";
    case Errc::kTrailersWithoutEndStream:
      return "a second field section has to end the stream (RFC 9113 §8.1)";
    case Errc::kDataBeforeHeaders:
      return "content before the message's header section (RFC 9113 §8.1)";
    case Errc::kBodyNotAllowed:
      return "content in a response that can have none (RFC 9113 §8.1.1)";
    case Errc::kTooManyStreams:
      return "more streams than our SETTINGS_MAX_CONCURRENT_STREAMS allows (RFC 9113 §5.1.2)";
    case Errc::kHeaderListTooLarge:
      return "a field section is larger than our limit (RFC 9113 §10.5.1)";
    case Errc::kTooManyContinuations:
      return "a field block has more CONTINUATION frames than our limit (RFC 9113 §10.5)";
    case Errc::kTooManySettings:
      return "a SETTINGS frame has more parameters than our limit (RFC 9113 §10.5)";
    case Errc::kTooManyInformational:
      return "more informational responses than our limit";
    case Errc::kAbuse:
      return "the peer has caused more useless work than our budget allows (RFC 9113 §10.5)";
    case Errc::kOutOfMemory:
      return "memory was refused, by the memory resource or by our limit per connection";
    case Errc::kRefusedByPeer:
      return "the peer did not process the request, which can be sent again (RFC 9113 §8.7)";
    case Errc::kResetByPeer:
      return "the peer reset the stream (RFC 9113 §6.4)";
    case Errc::kConnectionLost:
      return "the connection was lost";
    case Errc::kLostInFrame:
      return "the connection was lost in the middle of a frame";
    case Errc::kLostInFieldBlock:
      return "the connection was lost in the middle of a field block";
    case Errc::kBodyFailed:
      return "the source of the body reported an error";
    case Errc::kStreamUnknown:
      return "there is no such stream";
    case Errc::kStreamClosedLocally:
      return "our side of the stream has ended already";
    case Errc::kStreamIdUnavailable:
      return "this stream identifier cannot be used, or none is left (RFC 9113 §5.1.1)";
    case Errc::kWrongRole:
      return "this side of the connection may not send that";
    case Errc::kWrongPhase:
      return "HTTP does not allow this here: a message is headers, content, trailers (RFC 9113 "
             "§8.1)";
    case Errc::kConnectionClosed:
      return "the connection has ended or takes no new streams";
    case Errc::kValueOutOfRange:
      return "an argument is outside its range";
    case Errc::kPushDisabledByPeer:
      return "the peer has disabled push (RFC 9113 §8.4)";
    case Errc::kPriorityNotOffered:
      return "the server does not follow PRIORITY_UPDATE: its SETTINGS lack NO_RFC7540_PRIORITIES "
             "(RFC 9218 "
             "§2.1.1)";
    case Errc::kQueueFull:
      return "too many requests are waiting for the peer's stream limit";
  }
  return "unknown error";
}

std::string_view to_string(Errc cause) {
  switch (cause) {
    case Errc::kNone:
      return "none";
    case Errc::kBadPreface:
      return "bad_preface";
    case Errc::kFirstFrameNotSettings:
      return "first_frame_not_settings";
    case Errc::kNotHttp2:
      return "not_http2";
    case Errc::kFrameTooLarge:
      return "frame_too_large";
    case Errc::kFrameSizeWrong:
      return "frame_size_wrong";
    case Errc::kFrameOnStreamZero:
      return "frame_on_stream_zero";
    case Errc::kFrameNotOnStreamZero:
      return "frame_not_on_stream_zero";
    case Errc::kPaddingTooLong:
      return "padding_too_long";
    case Errc::kInterleavedHeaderBlock:
      return "interleaved_header_block";
    case Errc::kUnexpectedContinuation:
      return "unexpected_continuation";
    case Errc::kCompressionFailed:
      return "compression_failed";
    case Errc::kFrameOnIdleStream:
      return "frame_on_idle_stream";
    case Errc::kFrameOnClosedStream:
      return "frame_on_closed_stream";
    case Errc::kFrameOnHalfClosedStream:
      return "frame_on_half_closed_stream";
    case Errc::kStreamIdWrongParity:
      return "stream_id_wrong_parity";
    case Errc::kStreamIdNotIncreasing:
      return "stream_id_not_increasing";
    case Errc::kSettingsValueInvalid:
      return "settings_value_invalid";
    case Errc::kSettingsTimeout:
      return "settings_timeout";
    case Errc::kPrefaceTimeout:
      return "preface_timeout";
    case Errc::kPushNotAllowed:
      return "push_not_allowed";
    case Errc::kPushedStreamInvalid:
      return "pushed_stream_invalid";
    case Errc::kGoAwayLastStreamRaised:
      return "go_away_last_stream_raised";
    case Errc::kPriorityUpdateInvalid:
      return "priority_update_invalid";
    case Errc::kWindowIncrementZero:
      return "window_increment_zero";
    case Errc::kWindowOverflow:
      return "window_overflow";
    case Errc::kWindowExceeded:
      return "window_exceeded";
    case Errc::kFieldNameInvalid:
      return "field_name_invalid";
    case Errc::kFieldValueInvalid:
      return "field_value_invalid";
    case Errc::kFieldConnectionSpecific:
      return "field_connection_specific";
    case Errc::kPseudoFieldAfterRegular:
      return "pseudo_field_after_regular";
    case Errc::kPseudoFieldUnknown:
      return "pseudo_field_unknown";
    case Errc::kPseudoFieldDuplicate:
      return "pseudo_field_duplicate";
    case Errc::kPseudoFieldMissing:
      return "pseudo_field_missing";
    case Errc::kPseudoFieldInTrailers:
      return "pseudo_field_in_trailers";
    case Errc::kFieldNotAllowedInTrailers:
      return "field_not_allowed_in_trailers";
    case Errc::kPseudoFieldInvalid:
      return "pseudo_field_invalid";
    case Errc::kAuthorityMismatch:
      return "authority_mismatch";
    case Errc::kConnectMalformed:
      return "connect_malformed";
    case Errc::kExtendedConnectNotOffered:
      return "extended_connect_not_offered";
    case Errc::kContentLengthInvalid:
      return "content_length_invalid";
    case Errc::kContentLengthMismatch:
      return "content_length_mismatch";
    case Errc::kInformationalEndsStream:
      return "informational_ends_stream";
    case Errc::kSwitchingProtocols:
      return "switching_protocols";
    case Errc::kTrailersWithoutEndStream:
      return "trailers_without_end_stream";
    case Errc::kDataBeforeHeaders:
      return "data_before_headers";
    case Errc::kBodyNotAllowed:
      return "body_not_allowed";
    case Errc::kTooManyStreams:
      return "too_many_streams";
    case Errc::kHeaderListTooLarge:
      return "header_list_too_large";
    case Errc::kTooManyContinuations:
      return "too_many_continuations";
    case Errc::kTooManySettings:
      return "too_many_settings";
    case Errc::kTooManyInformational:
      return "too_many_informational";
    case Errc::kAbuse:
      return "abuse";
    case Errc::kOutOfMemory:
      return "out_of_memory";
    case Errc::kRefusedByPeer:
      return "refused_by_peer";
    case Errc::kResetByPeer:
      return "reset_by_peer";
    case Errc::kConnectionLost:
      return "connection_lost";
    case Errc::kLostInFrame:
      return "lost_in_frame";
    case Errc::kLostInFieldBlock:
      return "lost_in_field_block";
    case Errc::kBodyFailed:
      return "body_failed";
    case Errc::kStreamUnknown:
      return "stream_unknown";
    case Errc::kStreamClosedLocally:
      return "stream_closed_locally";
    case Errc::kStreamIdUnavailable:
      return "stream_id_unavailable";
    case Errc::kWrongRole:
      return "wrong_role";
    case Errc::kWrongPhase:
      return "wrong_phase";
    case Errc::kConnectionClosed:
      return "connection_closed";
    case Errc::kValueOutOfRange:
      return "value_out_of_range";
    case Errc::kPushDisabledByPeer:
      return "push_disabled_by_peer";
    case Errc::kPriorityNotOffered:
      return "priority_not_offered";
    case Errc::kQueueFull:
      return "queue_full";
  }
  return "unknown";
}

}  // namespace h2::inline v0
