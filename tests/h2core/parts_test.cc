// The small parts of the core: message phases, windows, settings, errors, time, ledger, slab,
// stream map, output queue.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "h2core/abuse_ledger.h"
#include "h2core/error.h"
#include "h2core/flow_window.h"
#include "h2core/frame.h"
#include "h2core/message_phase.h"
#include "h2core/output_queue.h"
#include "h2core/settings.h"
#include "h2core/slab.h"
#include "h2core/stream_map.h"
#include "h2core/time.h"
#include "tests/support/counting_memory.h"

namespace h2 {
namespace {

// ---- message phase
// ---------------------------------------------------------------------------------------

TEST(MessagePhase, EveryCellIsAsTheRfcSays) {
  using P = MessagePhase;
  // Next phase by input; none: a stream error. Order: 1xx, final, final+END, data, data+END,
  // trailers, trailers+END.
  const std::map<P, std::vector<std::optional<P>>> expected = {
      {P::kExpectHeaders, {P::kExpectHeaders, P::kBody, P::kEnded, {}, {}, {}, {}}},
      {P::kBody, {{}, {}, {}, P::kBody, P::kEnded, {}, P::kEnded}},
      {P::kTunnel, {{}, {}, {}, P::kTunnel, P::kEnded, {}, {}}},
      {P::kEnded, {{}, {}, {}, {}, {}, {}, {}}},
  };
  ASSERT_EQ(expected.size(), kMessagePhases);
  for (const auto& [phase, row] : expected) {
    ASSERT_EQ(row.size(), kMessageInputs);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const PhaseCell& cell = transition(phase, static_cast<MessageInput>(i));
      EXPECT_EQ(cell.verdict == Verdict::kAccept, row[i].has_value()) << i;
      if (row[i]) {
        EXPECT_EQ(cell.next, *row[i]) << i;
      }
      EXPECT_EQ(cell.cause == Errc::kNone, row[i].has_value()) << i;
    }
  }
}

// ---- windows
// ---------------------------------------------------------------------------------------------

TEST(FlowWindow, ConsumesNoMoreThanItHas) {
  FlowWindow window(10);
  EXPECT_TRUE(window.consume(10));
  EXPECT_FALSE(window.consume(1));
  EXPECT_TRUE(window.consume(0));
  EXPECT_EQ(window.available(), 0);
}

TEST(FlowWindow, ExpandsUpToTheLargestWindow) {
  FlowWindow window(65'535);
  EXPECT_FALSE(window.expand(kMaxWindowSize - 65'534));
  EXPECT_EQ(window.available(), 65'535);
  EXPECT_TRUE(window.expand(kMaxWindowSize - 65'535));
  EXPECT_EQ(window.available(), std::int64_t{kMaxWindowSize});
}

TEST(FlowWindow, AdjustMayMakeItNegativeAndThenNothingFits) {
  FlowWindow window(100);
  EXPECT_TRUE(window.consume(80));
  EXPECT_TRUE(window.adjust(-100));
  EXPECT_EQ(window.available(), -80);
  EXPECT_TRUE(window.consume(0));
  EXPECT_FALSE(window.consume(1));
  EXPECT_TRUE(window.expand(81));
  EXPECT_TRUE(window.consume(1));
}

TEST(ReceiveWindow, CreditIsSavedUpToHalfOfTheWindow) {
  ReceiveWindow window(1'000);
  EXPECT_TRUE(window.receive(600));
  EXPECT_EQ(window.acknowledge(499), 0U);
  EXPECT_EQ(window.acknowledge(1), 500U);
  EXPECT_EQ(window.available(), 900);
  EXPECT_EQ(window.unacknowledged(), 100U);
}

TEST(ReceiveWindow, RefusesMoreThanItGranted) {
  ReceiveWindow window(10);
  EXPECT_FALSE(window.receive(11));
  EXPECT_TRUE(window.receive(10));
  EXPECT_FALSE(window.receive(1));
}

TEST(ReceiveWindow, BytesAreAlwaysSomewhere) {
  std::mt19937 random(9);
  ReceiveWindow window(65'535);
  std::int64_t peer = 65'535;  // what the peer may send
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 2 == 0) {
      const auto n = static_cast<std::uint32_t>(random() % 20'000);
      EXPECT_EQ(window.receive(n), n <= peer || n == 0);
      if (n <= peer) peer -= n;
    } else if (window.unacknowledged() > 0) {
      peer +=
          window.acknowledge(static_cast<std::uint32_t>(random() % (window.unacknowledged() + 1)));
    }
    ASSERT_EQ(window.available(), peer);
    ASSERT_LE(window.available() + window.unacknowledged(), 65'535);
  }
  peer += window.acknowledge(window.unacknowledged());
  EXPECT_GT(peer, 65'535 / 2);  // an idle window never stays below half
}

// ---- settings
// --------------------------------------------------------------------------------------------

TEST(Settings, ValuesAtTheBoundariesAreJudgedAsTheRfcSays) {
  const auto code = [](Role sender, SettingCode setting, std::uint32_t value) {
    return check_setting(sender, {setting, value}).code;
  };
  using C = SettingCode;
  EXPECT_EQ(code(Role::kClient, C::kEnablePush, 1), ErrorCode::kNoError);
  EXPECT_EQ(code(Role::kClient, C::kEnablePush, 2), ErrorCode::kProtocolError);
  EXPECT_EQ(code(Role::kServer, C::kEnablePush, 0), ErrorCode::kNoError);
  EXPECT_EQ(code(Role::kServer, C::kEnablePush, 1), ErrorCode::kProtocolError);
  EXPECT_EQ(code(Role::kClient, C::kInitialWindowSize, 0x7fffffff), ErrorCode::kNoError);
  EXPECT_EQ(code(Role::kClient, C::kInitialWindowSize, 0x80000000), ErrorCode::kFlowControlError);
  EXPECT_EQ(code(Role::kClient, C::kMaxFrameSize, 16'383), ErrorCode::kProtocolError);
  EXPECT_EQ(code(Role::kClient, C::kMaxFrameSize, 16'384), ErrorCode::kNoError);
  EXPECT_EQ(code(Role::kClient, C::kMaxFrameSize, 16'777'215), ErrorCode::kNoError);
  EXPECT_EQ(code(Role::kClient, C::kMaxFrameSize, 16'777'216), ErrorCode::kProtocolError);
  EXPECT_EQ(code(Role::kServer, C::kEnableConnectProtocol, 2), ErrorCode::kProtocolError);
  EXPECT_EQ(code(Role::kServer, C::kNoRfc7540Priorities, 2), ErrorCode::kProtocolError);
  EXPECT_EQ(code(Role::kServer, C::kMaxConcurrentStreams, 0xffffffff), ErrorCode::kNoError);
  EXPECT_EQ(code(Role::kServer, static_cast<C>(0x7777), 0xffffffff), ErrorCode::kNoError);
}

TEST(Settings, ApplyAndGetAgreeForEveryCode) {
  for (const int raw : {1, 2, 3, 4, 5, 6, 8, 9}) {
    const auto code = static_cast<SettingCode>(raw);
    Settings settings;
    const std::uint32_t value =
        raw == 2 || raw > 6 ? (*settings.get(code) == 0 ? 1U : 0U) : 20'000U;
    settings.apply({code, value});
    EXPECT_EQ(settings.get(code), value) << to_string(code);
    EXPECT_NE(settings, Settings{});
  }
  Settings settings;
  settings.apply({static_cast<SettingCode>(0x99), 5});
  EXPECT_EQ(settings, Settings{});
  EXPECT_EQ(settings.get(static_cast<SettingCode>(0x99)), std::nullopt);
}

// ---- errors
// ----------------------------------------------------------------------------------------------

TEST(Error, EveryCauseHasASentenceAndANameOfItsOwn) {
  std::set<std::string_view> names;
  std::set<std::string_view> sentences;
  int count = 0;
  for (std::uint16_t i = 0; to_string(static_cast<Errc>(i)) != "unknown"; ++i, ++count) {
    names.insert(to_string(static_cast<Errc>(i)));
    sentences.insert(describe(static_cast<Errc>(i)));
  }
  EXPECT_EQ(count, static_cast<int>(Errc::kQueueFull) + 1);
  EXPECT_EQ(names.size(), static_cast<std::size_t>(count));
  EXPECT_EQ(sentences.size(), static_cast<std::size_t>(count));
}

TEST(Error, CodesAreNamedAsInTheRfc) {
  EXPECT_EQ(to_string(ErrorCode::kNoError), "NO_ERROR");
  EXPECT_EQ(to_string(ErrorCode::kEnhanceYourCalm), "ENHANCE_YOUR_CALM");
  EXPECT_EQ(to_string(ErrorCode::kHttp11Required), "HTTP_1_1_REQUIRED");
  EXPECT_EQ(to_string(static_cast<ErrorCode>(0xe)), "UNKNOWN_ERROR");
}

// ---- time
// ------------------------------------------------------------------------------------------------

TEST(Time, AddingToTheFarFutureIsNever) {
  EXPECT_TRUE((Time::never() + seconds(1)).is_never());
  EXPECT_TRUE((Time{std::numeric_limits<std::int64_t>::max() - 5} + nanoseconds(6)).is_never());
  EXPECT_EQ(Time{5} + milliseconds(1), Time{1'000'005});
  EXPECT_LT(Time{1}, Time::never());
}

// ---- abuse ledger
// ----------------------------------------------------------------------------------------

TEST(AbuseLedger, IsSpentAndRefilledByTimeAndWork) {
  AbuseLedger ledger(100, 10, Time{});
  EXPECT_TRUE(ledger.spend(AbuseCause::kPing, 100));
  EXPECT_EQ(ledger.left(), 0);
  ledger.advance(Time{} + milliseconds(99));  // less than a token
  EXPECT_EQ(ledger.left(), 0);
  ledger.advance(Time{} + milliseconds(250));
  EXPECT_EQ(ledger.left(), 2);
  ledger.refund(50);
  EXPECT_EQ(ledger.left(), 52);
  ledger.advance(Time{} + seconds(1'000));
  EXPECT_EQ(ledger.left(), 100);
  ledger.refund(50);
  EXPECT_EQ(ledger.left(), 100);
  EXPECT_FALSE(ledger.spend(AbuseCause::kPing, 101));
}

TEST(AbuseLedger, RefillDoesNotDependOnHowOftenTimeIsTold) {
  AbuseLedger often(1'000, 330, Time{});
  AbuseLedger once(1'000, 330, Time{});
  EXPECT_TRUE(often.spend(AbuseCause::kPing, 1'000));
  EXPECT_TRUE(once.spend(AbuseCause::kPing, 1'000));
  for (int i = 1; i <= 1'000; ++i) often.advance(Time{} + milliseconds(i));
  once.advance(Time{} + milliseconds(1'000));
  EXPECT_EQ(often.left(), once.left());
  EXPECT_EQ(once.left(), 330);
}

// ---- slab and stream map
// ----------------------------------------------------------------------------------

TEST(AbuseLedger, ALargerBudgetIsThereAtOnceAndASmallerOneIsNeverOverdrawnByThat) {
  AbuseLedger ledger(100, 0, Time{});
  EXPECT_TRUE(ledger.spend(AbuseCause::kPing, 60));
  ledger.set_budget(150);
  EXPECT_EQ(ledger.left(), 90);
  ledger.set_budget(50);
  EXPECT_EQ(ledger.left(), 50);
  EXPECT_TRUE(ledger.spend(AbuseCause::kPing, 40));
  ledger.set_budget(20);
  EXPECT_EQ(ledger.left(), 10);
  ledger.refund(100);
  EXPECT_EQ(ledger.left(), 20);
}

TEST(Allowance, IsSavedUpToItsMostAndUsedOneByOne) {
  Allowance allowance(1, 5);
  EXPECT_TRUE(allowance.take());
  EXPECT_FALSE(allowance.take());
  allowance.earn(3);
  allowance.earn(4);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(allowance.take());
  EXPECT_FALSE(allowance.take());
}

TEST(Slab, IndexesAreUsedAgain) {
  Slab<int> slab(default_memory());
  const auto a = slab.add(1);
  const auto b = slab.add(2);
  slab.remove(a);
  EXPECT_EQ(slab.live(), 1U);
  EXPECT_EQ(slab.add(3), a);
  EXPECT_EQ(slab[b], 2);
  EXPECT_EQ(slab.capacity(), 2U);
}

TEST(StreamMap, AgreesWithAMapUnderRandomUse) {
  std::mt19937 random(4);
  StreamMap map(default_memory(), 77);
  std::map<std::uint32_t, std::uint32_t> model;
  std::uint32_t next = 1;
  for (int step = 0; step < 30'000; ++step) {
    if (model.size() < 200 && random() % 2 == 0) {
      ASSERT_TRUE(map.insert(StreamId{next}, static_cast<std::uint32_t>(step % 1'000)));
      model[next] = static_cast<std::uint32_t>(step % 1'000);
      next += 2;
    } else if (!model.empty()) {
      auto victim = model.begin();
      std::advance(victim, static_cast<std::ptrdiff_t>(random() % model.size()));
      const StreamId id{victim->first};
      if (random() % 4 == 0) {
        map.erase(id);
        EXPECT_EQ(map.ended(id), std::nullopt);
      } else {
        map.end(id, StreamState::kClosedByPeerReset, 0);
        EXPECT_EQ(map.ended(id), StreamState::kClosedByPeerReset);
      }
      model.erase(victim);
    }
    const std::uint32_t probe = static_cast<std::uint32_t>(random() % (next + 10)) | 1U;
    const auto found = model.find(probe);
    ASSERT_EQ(map.find(StreamId{probe}), found == model.end() ? StreamMap::kNone : found->second);
  }
  EXPECT_LE(map.size(), model.size() + StreamMap::kMaxRemembered);
}

TEST(StreamMap, TheOldestIsForgottenFirst) {
  StreamMap map(default_memory(), 1);
  for (std::uint32_t i = 0; i <= StreamMap::kMaxRemembered; ++i) {
    const StreamId id{2 * i + 1};
    ASSERT_TRUE(map.insert(id, 0));
    map.end(id, StreamState::kClosedByLocalReset, 0);
  }
  EXPECT_EQ(map.ended(StreamId{1}), std::nullopt);
  EXPECT_EQ(map.ended(StreamId{3}), StreamState::kClosedByLocalReset);
  EXPECT_TRUE(map.may_have_forgotten(StreamId{1}));
  EXPECT_FALSE(map.may_have_forgotten(StreamId{2})) << "identifiers of the other side";
  EXPECT_FALSE(map.may_have_forgotten(StreamId{3}));
}

TEST(StreamMap, ResetsThatThePeerMustHaveSeenAreNoExcuseAnyMore) {
  StreamMap map(default_memory(), 1);
  for (const std::uint32_t id : {1U, 3U}) ASSERT_TRUE(map.insert(StreamId{id}, 0));
  map.end(StreamId{1}, StreamState::kClosedByLocalReset, 4);
  map.end(StreamId{3}, StreamState::kClosedByLocalReset, 5);
  map.forget_resets_before(5);
  EXPECT_EQ(map.ended(StreamId{1}), StreamState::kClosedByEndStream);
  EXPECT_EQ(map.ended(StreamId{3}), StreamState::kClosedByLocalReset);
}

// ---- output queue
// ------------------------------------------------------------------------------------------

class Owner final : public PieceOwner {
 public:
  void on_piece_sent(std::uint32_t owner, std::size_t bytes) noexcept override {
    sent[owner] += bytes;
  }
  std::map<std::uint32_t, std::size_t> sent;
};

std::string joined(OutputQueue& queue) {
  std::string all;
  for (const Bytes piece : queue.pieces()) all += as_string_view(piece);
  return all;
}

TEST(OutputQueue, PiecesComeInOrderAndStayWhereTheyAre) {
  OutputQueue queue(default_memory());
  Owner owner;
  const std::string body(5'000, 'b');
  ASSERT_TRUE(queue.append(as_bytes("head")));
  ASSERT_TRUE(queue.refer(as_bytes(body), 7));
  const auto pieces = queue.pieces();
  ASSERT_EQ(pieces.size(), 2U);
  const std::uint8_t* first = pieces[0].data();
  EXPECT_EQ(static_cast<const void*>(pieces[1].data()), body.data());
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(queue.append(as_bytes("more output")));
  EXPECT_EQ(queue.pieces()[0].data(), first);
  EXPECT_EQ(as_string_view({first, 4}), "head");
  queue.mark_sent(4 + 4'999, owner);
  EXPECT_EQ(owner.sent[7], 4'999U);
  queue.mark_sent(1, owner);
  EXPECT_EQ(owner.sent[7], 5'000U);
  EXPECT_EQ(queue.size(), 11'000U);
}

TEST(OutputQueue, AgreesWithAStringUnderRandomUse) {
  tests::CountingMemory memory;
  {
    OutputQueue queue(memory);
    Owner owner;
    std::mt19937 random(8);
    const std::string body(40'000, 'B');
    std::string model;
    for (int step = 0; step < 5'000; ++step) {
      switch (random() % 3) {
        case 0: {
          const std::string text(random() % 3'000, static_cast<char>('a' + random() % 26));
          ASSERT_TRUE(queue.append(as_bytes(text)));
          model += text;
          break;
        }
        case 1: {
          const std::size_t size = 1 + random() % 20'000;
          ASSERT_TRUE(queue.refer(as_bytes(std::string_view(body).substr(0, size)), 1));
          model.append(size, 'B');
          break;
        }
        default: {
          const std::size_t size = random() % 4 == 0 ? model.size() : random() % (model.size() + 1);
          queue.mark_sent(size, owner);
          model.erase(0, size);
        }
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_EQ(joined(queue), model) << "step " << step;
    }
  }
  EXPECT_EQ(memory.in_use, 0U);
  EXPECT_EQ(memory.mismatches, 0U);
}

TEST(OutputQueue, AnswersAreCountedUntilTheyAreSent) {
  OutputQueue queue(default_memory());
  Owner owner;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(queue.append(as_bytes("0123456789")));
    ASSERT_TRUE(queue.count_answer());
  }
  EXPECT_EQ(queue.answers(), 3U);
  queue.mark_sent(19, owner);
  EXPECT_EQ(queue.answers(), 2U);
  queue.mark_sent(11, owner);
  EXPECT_EQ(queue.answers(), 0U);
}

}  // namespace
}  // namespace h2
