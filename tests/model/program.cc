// Random programs. See program.h.
#include "tests/model/program.h"

#include <array>
#include <iterator>

#include "h2core/testing/link.h"

namespace h2::tests::model {

namespace {

using h2::testing::Random;

constexpr std::array<const char*, kStepKinds> kNames = {
    "kSendRequest",     "kSendResponse", "kSendTrailers",     "kSendData",
    "kSendCopy",        "kSendSource",   "kPriority",         "kResume",
    "kEndStream",       "kReset",        "kRelease",          "kPush",
    "kAcknowledge",     "kIncrement",    "kUpdateSettings",   "kPing",
    "kNotifyShutdown",  "kClose",        "kTerminate",        "kMarkSent",
    "kPeerRequest",     "kPeerResponse", "kPeerTrailers",     "kPeerContinue",
    "kPeerData",        "kPeerReset",    "kPeerWindowUpdate", "kPeerSettings",
    "kPeerSettingsAck", "kPeerPing",     "kPeerPingAck",      "kPeerGoAway",
    "kPeerPush",        "kPeerPriority", "kPeerUnknown",      "kPeerIllegal"};

struct Weight {
  StepKind kind;
  unsigned client;  // of 1,000, where the connection is a client
  unsigned server;
};

constexpr Weight kWeights[] = {
    {StepKind::kSendRequest, 90, 2},       {StepKind::kSendResponse, 3, 70},
    {StepKind::kSendTrailers, 15, 15},     {StepKind::kSendData, 60, 60},
    {StepKind::kSendCopy, 35, 35},         {StepKind::kSendSource, 20, 20},
    {StepKind::kPriority, 20, 20},         {StepKind::kResume, 20, 20},
    {StepKind::kEndStream, 20, 20},        {StepKind::kReset, 15, 15},
    {StepKind::kRelease, 2, 20},           {StepKind::kPush, 1, 15},
    {StepKind::kAcknowledge, 60, 60},      {StepKind::kIncrement, 10, 10},
    {StepKind::kUpdateSettings, 15, 15},   {StepKind::kPing, 8, 8},
    {StepKind::kNotifyShutdown, 1, 1},     {StepKind::kClose, 2, 2},
    {StepKind::kTerminate, 1, 1},          {StepKind::kMarkSent, 90, 90},
    {StepKind::kPeerRequest, 1, 90},       {StepKind::kPeerResponse, 80, 1},
    {StepKind::kPeerTrailers, 15, 15},     {StepKind::kPeerContinue, 40, 40},
    {StepKind::kPeerData, 120, 120},       {StepKind::kPeerReset, 15, 15},
    {StepKind::kPeerWindowUpdate, 70, 70}, {StepKind::kPeerSettings, 25, 25},
    {StepKind::kPeerSettingsAck, 30, 30},  {StepKind::kPeerPing, 8, 8},
    {StepKind::kPeerPingAck, 8, 8},        {StepKind::kPeerGoAway, 3, 3},
    {StepKind::kPeerPush, 30, 1},          {StepKind::kPeerPriority, 8, 8},
    {StepKind::kPeerUnknown, 8, 8},        {StepKind::kPeerIllegal, 1, 1},
};

std::uint32_t below(Random& random, std::uint64_t n) {
  return static_cast<std::uint32_t>(random.below(n));
}

template <std::size_t n>
std::uint32_t one_of(Random& random, const std::uint32_t (&values)[n]) {
  return values[random.below(n)];
}

std::uint32_t size(Random& random) {
  switch (random.below(8)) {
    case 0:
      return 0;
    case 1:
    case 2:
      return below(random, 20);
    case 3:
    case 4:
    case 5:
      return below(random, 3'000);
    case 6:
      return below(random, 20'000);
    default:
      return below(random, 60'000);
  }
}

std::uint32_t window(Random& random) {
  static constexpr std::uint32_t kSizes[] = {0, 1, 100, 2'000, 16'384, 65'535, 65'535, 100'000};
  return one_of(random, kSizes);
}

// A parameter and its value: mostly legal.
void setting(Random& random, std::uint32_t& which, std::uint32_t& value) {
  static constexpr std::uint32_t kStreams[] = {0, 1, 2, 3, 5, 100};
  static constexpr std::uint32_t kTables[] = {0, 50, 100, 1'000, 4'096, 10'000};
  static constexpr std::uint32_t kFrames[] = {16'384, 16'385, 20'000, 16'777'215};
  which = one_of(random, {0, 1, 2, 3, 3, 4, 4, 4, 4, 5, 0x77});
  switch (which) {
    case 1:
      value = one_of(random, kTables);
      break;
    case 2:
      value = below(random, 2);
      break;
    case 3:
      value = one_of(random, kStreams);
      break;
    case 4:
      value = window(random);
      if (random.chance(1)) value = 0x7fffffffU;
      break;
    case 5:
      value = one_of(random, kFrames);
      break;
    default:
      value = below(random, 100);
      break;
  }
  if (random.below(400) == 0) value = random.chance(50) ? 0xffffffffU : 3;
}

Setup random_setup(Random& random) {
  static constexpr std::uint32_t kStreams[] = {1, 2, 3, 5, 100};
  static constexpr std::uint32_t kTables[] = {0, 60, 200, 4'096, 4'096, 10'000};
  Setup setup;
  setup.server = random.chance(50);
  setup.window = window(random);
  if (random.chance(30)) setup.connection_window = 65'535 + below(random, 100'000);
  setup.streams = one_of(random, kStreams);
  setup.push = !setup.server && random.chance(60);
  setup.on_consumption = random.chance(40);
  setup.hold = random.chance(70);
  setup.batch = one_of(random, {1'000, 5'000, 65'536, 65'536});
  setup.copy_below = one_of(random, {0, 10, 1'024});
  setup.pause_at = one_of(random, {1, 4, 128});
  setup.informational = 1 + below(random, 3);
  setup.reserved = 1 + below(random, 3);
  setup.assumed_streams = 1 + below(random, 4);
  if (random.chance(30)) setup.list_size = 4'000;
  setup.together = random.chance(40);
  if (setup.together) setup.pause_at = 128;
  setup.peer_window = window(random);
  setup.peer_streams = one_of(random, kStreams);
  setup.peer_table = one_of(random, kTables);
  return setup;
}

Step random_step(Random& random, bool server) {
  unsigned total = 0;
  for (const Weight& w : kWeights) total += server ? w.server : w.client;
  std::uint64_t at = random.below(total);
  Step step;
  for (const Weight& w : kWeights) {
    const unsigned weight = server ? w.server : w.client;
    if (at < weight) {
      step.kind = w.kind;
      break;
    }
    at -= weight;
  }
  // By default a stream (see pick_stream in runner.cc) and small numbers.
  step.a = below(random, 0x100000);
  step.b = below(random, 0x10000);
  step.c = random.chance(30) ? 1 : 0;
  step.d = below(random, 1'000);
  step.cut = random.chance(20) ? 1 + below(random, 1'000) : 0;
  step.fragments = random.chance(20) ? below(random, 256) : 0;
  switch (step.kind) {
    case StepKind::kSendRequest:
    case StepKind::kPeerRequest:
      step.b = random.chance(50) ? 1 : 0;
      step.c = random.chance(5) ? 1 + below(random, 3) : 0;
      break;
    case StepKind::kSendData:
    case StepKind::kSendCopy:
    case StepKind::kSendSource:
    case StepKind::kResume:
    case StepKind::kPeerData:
      step.b = size(random);
      if (step.kind == StepKind::kPeerData) {
        if (random.chance(1)) step.b += 1U << 20;
        step.d = random.chance(25) ? 1 + below(random, 256) : 0;
      } else {
        step.d = random.chance(60) ? 1 : 0;
        if (random.chance(5)) (step.kind == StepKind::kResume ? step.c : step.d) = 2;
      }
      break;
    case StepKind::kSendTrailers:
    case StepKind::kPeerTrailers:
      step.c = random.chance(4) ? 1 : 0;
      break;
    case StepKind::kReset:
    case StepKind::kClose:
    case StepKind::kTerminate:
    case StepKind::kPeerReset:
    case StepKind::kPeerGoAway:
      step.b = below(random, 14);
      if (step.kind != StepKind::kReset && step.kind != StepKind::kPeerReset &&
          step.kind != StepKind::kPeerGoAway)
        step.a = step.b;
      break;
    case StepKind::kAcknowledge:
      step.b = random.chance(60) ? 1'000 : below(random, 1'030);
      break;
    case StepKind::kIncrement:
    case StepKind::kPeerWindowUpdate:
      step.b = size(random);
      if (step.b == 0 && random.chance(80)) step.b = 1;
      if (random.chance(2)) step.b = 0x7fffffffU - below(random, 100'000);
      break;
    case StepKind::kUpdateSettings:
    case StepKind::kPeerSettings:
      setting(random, step.a, step.b);
      setting(random, step.c, step.d);
      break;
    case StepKind::kPeerSettingsAck:
      step.a = random.chance(2) ? 1 : 0;
      break;
    case StepKind::kMarkSent:
      step.a = random.chance(70) ? 1'000 : below(random, 1'001);
      break;
    default:
      break;
  }
  return step;
}

}  // namespace

Program generate(std::uint64_t seed, std::size_t steps) {
  // Neighbouring seeds of the generator give sequences that overlap; their numbers do not.
  Random random(Random(seed).next());
  Program program;
  program.seed = seed;
  program.setup = random_setup(random);
  program.steps.reserve(steps);
  while (program.steps.size() < steps)
    program.steps.push_back(random_step(random, program.setup.server));
  return program;
}

std::string to_string(const Step& step) {
  std::string out = std::string("{StepKind::") + kNames[static_cast<std::size_t>(step.kind)];
  const std::uint32_t numbers[] = {step.a, step.b, step.c, step.d, step.cut, step.fragments};
  std::size_t used = std::size(numbers);
  while (used > 0 && numbers[used - 1] == 0) --used;
  for (std::size_t i = 0; i < used; ++i) out += ", " + std::to_string(numbers[i]);
  return out + "},";
}

std::string to_string(const Program& program) {
  const Setup& s = program.setup;
  const Setup usual;
  std::string out = "seed " + std::to_string(program.seed) + ", a " +
                    (s.server ? "server" : "client") + "; setup:";
  const auto say = [&out](const char* name, std::uint32_t value, std::uint32_t normal) {
    if (value != normal) out += std::string(" ") + name + "=" + std::to_string(value);
  };
  say("window", s.window, usual.window);
  say("connection_window", s.connection_window, usual.connection_window);
  say("streams", s.streams, usual.streams);
  say("push", s.push, usual.push);
  say("on_consumption", s.on_consumption, usual.on_consumption);
  say("hold", s.hold, usual.hold);
  say("batch", s.batch, usual.batch);
  say("copy_below", s.copy_below, usual.copy_below);
  say("pause_at", s.pause_at, usual.pause_at);
  say("queue", s.queue, usual.queue);
  say("reserved", s.reserved, usual.reserved);
  say("informational", s.informational, usual.informational);
  say("list_size", s.list_size, usual.list_size);
  say("together", s.together, usual.together);
  say("assumed_streams", s.assumed_streams, usual.assumed_streams);
  say("peer_window", s.peer_window, usual.peer_window);
  say("peer_streams", s.peer_streams, usual.peer_streams);
  say("peer_table", s.peer_table, usual.peer_table);
  out += "\n";
  for (const Step& step : program.steps) out += "  " + to_string(step) + "\n";
  return out;
}

}  // namespace h2::tests::model
