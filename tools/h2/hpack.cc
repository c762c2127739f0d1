// `h2 hpack`: HPACK by hand (RFC 7541). The work is done in hpack_stories.h. Tested by
// tests/tools/hpack_test.cc.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tools/h2/hpack_stories.h"
#include "tools/h2/verbs.h"

namespace h2::inline v0::tools {

namespace {

constexpr const char* kFormats = R"(A story is JSON in the form of the hpack-test-case collection:
  {"cases": [{"wire": "8286...", "headers": [{":method": "GET"}, ...]}, ...]}
one connection's header blocks in their order; "header_table_size" in a case changes
SETTINGS_HEADER_TABLE_SIZE from there on. decode, table and stats take blocks in hexadecimal, too, one
a line. What is not UTF-8 is {"hex": "..."}; {"name": N, "value": V, "sensitive": true} is a field that
is never indexed. FILE is - for standard input, which is the default.

  h2 hpack decode <<< '828684410f7777772e6578616d706c652e636f6d'
  h2 hpack encode story.json | h2 hpack stats

Exit status: 0; 1 if something could not be read, decoded or, for check, is not as the story says, with
a sentence on standard error; 2 if the command line is wrong.
)";

// The first word that begins a JSON text tells it from hexadecimal.
Result<Story, std::string> parse(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != std::string::npos && (text[first] == '{' || text[first] == '[');
  return json ? parse_story(text) : parse_hex_lines(text);
}

Result<std::string, std::string> read_input(const std::string& file) {
  std::ostringstream text;
  if (file == "-") {
    text << std::cin.rdbuf();
    return std::move(text).str();
  }
  std::ifstream in(file, std::ios::binary);
  // A directory can be opened, and not read.
  if (!in || in.peek() == std::ifstream::traits_type::eof()) {
    if (!in.is_open() || in.bad()) return unexpected(std::string("cannot be read"));
  }
  text << in.rdbuf();
  if (in.bad()) return unexpected(std::string("cannot be read"));
  return std::move(text).str();
}

int failed(const std::string& file, const std::string& problem) {
  std::cerr << "h2 hpack: " << (file == "-" ? "standard input" : file) << ": " << problem << '\n';
  return kExitFailed;
}

struct Options {
  std::string file = "-";
  std::vector<std::string> stories;
  std::uint32_t table_size = 4'096;
  hpack::HuffmanPolicy huffman = hpack::HuffmanPolicy::kShorter;
};

void print(const nlohmann::ordered_json& json) { std::cout << json.dump(2) << '\n'; }

int encode(const Options& options, Story& story) {
  hpack::Encoder encoder({.max_table_size = options.table_size, .huffman = options.huffman});
  encoder.set_peer_max_table_size(options.table_size);
  if (const auto done = encode_story(story, encoder); !done)
    return failed(options.file, done.error());
  print(to_json(story));
  return kExitOk;
}

enum class Show : std::uint8_t { kFields, kTable, kStats };

int decode(const Options& options, Story& story, Show show) {
  hpack::Decoder decoder({.max_table_size = options.table_size,
                          .max_list_size = UINT32_MAX,
                          .max_fields = UINT32_MAX,
                          .max_string = UINT32_MAX});
  const auto done = decode_story(story, decoder);
  if (!done) return failed(options.file, done.error());
  if (show == Show::kFields) print(to_json(story));
  if (show == Show::kTable) print(to_json(decoder.table()));
  if (show == Show::kStats) {
    StoryStats stats;
    count_story(story, stats);
    print(to_json(stats));
  }
  return kExitOk;
}

int check(const std::vector<std::string>& files) {
  int status = kExitOk;
  for (const std::string& file : files) {
    const auto text = read_input(file);
    if (!text) {
      status = failed(file, text.error());
      continue;
    }
    const auto story = parse_story(*text);
    if (!story) {
      status = failed(file, story.error());
    } else if (story->empty()) {
      status = failed(file, "the story has no cases");
    } else if (const auto difference = check_story(*story)) {
      status = failed(file, *difference);
    } else {
      std::cout << "ok " << file << ": " << story->size() << " cases\n";
    }
  }
  return status;
}

}  // namespace

int run_hpack(int argc, char** argv) {
  CLI::App app("Encodes, decodes and checks header blocks (RFC 7541).", "h2 hpack");
  app.footer(kFormats);
  app.require_subcommand(1);
  Options options;
  const auto verb = [&](const char* name, const char* summary) {
    CLI::App* sub = app.add_subcommand(name, summary);
    sub->add_option("FILE", options.file, "What to read")->capture_default_str();
    sub->add_option("--table-size", options.table_size,
                    "SETTINGS_HEADER_TABLE_SIZE of the side that decodes")
        ->capture_default_str();
    return sub;
  };
  CLI::App* encode_verb = verb("encode", "Encode the header lists of a story");
  const std::map<std::string, hpack::HuffmanPolicy> policies = {
      {"shorter", hpack::HuffmanPolicy::kShorter},
      {"always", hpack::HuffmanPolicy::kAlways},
      {"never", hpack::HuffmanPolicy::kNever}};
  std::string huffman = "shorter";
  encode_verb
      ->add_option("--huffman", huffman, "When strings are Huffman-coded: shorter, always, never")
      ->capture_default_str()
      ->check(CLI::IsMember({"shorter", "always", "never"}));
  CLI::App* decode_verb = verb("decode", "Decode header blocks");
  CLI::App* table_verb = verb("table", "Show the dynamic table after the last block");
  CLI::App* stats_verb = verb("stats", "Count what the blocks are made of");
  CLI::App* check_verb =
      app.add_subcommand("check", "Decode the stories' blocks and compare with their header lists");
  check_verb->add_option("STORY", options.stories, "Files in the form of hpack-test-case")
      ->required();
  if (const int status = parse_command_line(app, argc, argv); status >= 0) return status;

  if (check_verb->parsed()) return check(options.stories);
  options.huffman = policies.at(huffman);
  const auto text = read_input(options.file);
  if (!text) return failed(options.file, text.error());
  auto story = parse(*text);
  if (!story) return failed(options.file, story.error());
  if (encode_verb->parsed()) return encode(options, *story);
  if (decode_verb->parsed()) return decode(options, *story, Show::kFields);
  if (table_verb->parsed()) return decode(options, *story, Show::kTable);
  return decode(options, *story, stats_verb->parsed() ? Show::kStats : Show::kFields);
}

}  // namespace h2::inline v0::tools
