// Smaller programs that fail alike. See shrink.h.
#include "tests/model/shrink.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace h2::tests::model {

namespace {

using Number = std::uint32_t Step::*;
constexpr Number kNumbers[] = {&Step::a, &Step::b,   &Step::c,
                               &Step::d, &Step::cut, &Step::fragments};

class Shrinking {
 public:
  Shrinking(const Program& program, const RunOptions& options, const std::string& rule)
      : best_(program), options_(options), rule_(rule) {
    if (const auto failure = run(best_, options_)) cut_after(*failure);
  }

  Program smallest() {
    bool smaller = true;
    for (int round = 0; smaller && round < 5; ++round) {
      smaller = drop_steps();
      smaller = simplify_setup() || smaller;
      smaller = simplify_numbers() || smaller;
    }
    return best_;
  }

 private:
  // What comes after the step that failed does not matter.
  void cut_after(const Failure& failure) {
    if (failure.step + 1 < best_.steps.size()) best_.steps.resize(failure.step + 1);
  }

  bool keep(const Program& candidate) {
    const auto failure = run(candidate, options_);
    if (!failure || failure->rule != rule_) return false;
    best_ = candidate;
    cut_after(*failure);
    return true;
  }

  bool drop_steps() {
    bool any = false;
    for (std::size_t chunk = std::max<std::size_t>(best_.steps.size() / 2, 1);; chunk /= 2) {
      for (std::size_t at = 0; at < best_.steps.size();) {
        Program candidate = best_;
        const std::size_t end = std::min(at + chunk, candidate.steps.size());
        candidate.steps.erase(candidate.steps.begin() + static_cast<std::ptrdiff_t>(at),
                              candidate.steps.begin() + static_cast<std::ptrdiff_t>(end));
        if (keep(candidate)) {
          any = true;
        } else {
          at += chunk;
        }
      }
      if (chunk <= 1) return any;
    }
  }

  bool simplify_setup() {
    const Setup usual;
    bool any = false;
    const auto set = [&](auto member) {
      if (best_.setup.*member == usual.*member) return;
      Program candidate = best_;
      candidate.setup.*member = usual.*member;
      any = keep(candidate) || any;
    };
    set(&Setup::window);
    set(&Setup::connection_window);
    set(&Setup::streams);
    set(&Setup::push);
    set(&Setup::on_consumption);
    set(&Setup::hold);
    set(&Setup::batch);
    set(&Setup::copy_below);
    set(&Setup::pause_at);
    set(&Setup::reserved);
    set(&Setup::informational);
    set(&Setup::list_size);
    set(&Setup::together);
    set(&Setup::assumed_streams);
    set(&Setup::peer_window);
    set(&Setup::peer_streams);
    set(&Setup::peer_table);
    return any;
  }

  bool simplify_numbers() {
    bool any = false;
    for (std::size_t i = 0; i < best_.steps.size(); ++i) {
      for (const Number number : kNumbers) {
        // 0, 1, then halves of what is there.
        for (const std::uint32_t value : {std::uint32_t{0}, std::uint32_t{1}}) {
          if (i < best_.steps.size() && best_.steps[i].*number > value)
            try_number(i, number, value, any);
        }
        while (i < best_.steps.size() && best_.steps[i].*number > 1 &&
               try_number(i, number, best_.steps[i].*number / 2, any)) {
        }
      }
    }
    return any;
  }

  bool try_number(std::size_t i, Number number, std::uint32_t value, bool& any) {
    Program candidate = best_;
    candidate.steps[i].*number = value;
    if (!keep(candidate)) return false;
    any = true;
    return true;
  }

  Program best_;
  const RunOptions options_;
  const std::string rule_;
};

}  // namespace

Program shrink(const Program& program, const RunOptions& options, const std::string& rule) {
  return Shrinking(program, options, rule).smallest();
}

std::string report(const Program& program, const Failure& failure, const RunOptions& options) {
  const Program small = shrink(program, options, failure.rule);
  const auto again = run(small, options);
  const Failure& shown = again ? *again : failure;
  return "rule \"" + shown.rule + "\" at step " + std::to_string(shown.step) + ": " + shown.text +
         "\n" + to_string(small);
}

}  // namespace h2::tests::model
