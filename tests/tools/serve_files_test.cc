// Paths, types, ranges and dates of served files; and what cannot be reached.
#include "tools/h2/serve_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/interop/peer.h"

namespace h2::tools {
namespace {

TEST(ServeFiles, PathsAreDecodedAndNormalised) {
  const std::pair<const char*, const char*> cases[] = {
      {"/", ""},          {"/a", "a"},         {"/a/b.txt", "a/b.txt"}, {"/a/", "a/"},
      {"//a///b", "a/b"}, {"/./a/./b", "a/b"}, {"/a/.", "a/"},          {"/a%20b", "a b"},
      {"/a?b/../c", "a"}, {"/%41%7e", "A~"},   {"/...", "..."},         {"/..a/b..", "..a/b.."},
      {"/a//", "a/"},     {"/%2e", ""},        {"/%C3%A9", "\xC3\xA9"}, {"/a#b", "a"},
  };
  for (const auto& [path, expected] : cases) EXPECT_EQ(decode_path(path), expected) << path;
}

TEST(ServeFiles, PathsThatLeaveTheDirectoryAreRefused) {
  for (const char* path : {"/..",
                           "/../",
                           "/../etc/passwd",
                           "/a/../../b",
                           "/a/..",
                           "/%2e%2e/etc/passwd",
                           "/.%2e/x",
                           "/%2e./x",
                           "/..%2fetc/passwd",
                           "/a%2f..%2f..%2fb",
                           "/%00",
                           "/a%00.txt",
                           "/%",
                           "/%4",
                           "/%zz",
                           "/a%2",
                           "",
                           "*",
                           "etc/passwd",
                           "http://x/"}) {
    EXPECT_EQ(decode_path(path), std::nullopt) << path;
  }
}

TEST(ServeFiles, RangesAreChosen) {
  using Kind = RangeChoice::Kind;
  struct Case {
    const char* range;
    std::uint64_t size;
    RangeChoice expected;
  };
  const RangeChoice whole;
  const RangeChoice bad{Kind::kUnsatisfiable, 0, 0};
  const Case cases[] = {
      {"bytes=0-0", 10, {Kind::kPart, 0, 1}},
      {"bytes=0-9", 10, {Kind::kPart, 0, 10}},
      {"bytes=2-4", 10, {Kind::kPart, 2, 3}},
      {"bytes=2-", 10, {Kind::kPart, 2, 8}},
      {"bytes=-3", 10, {Kind::kPart, 7, 3}},
      {"bytes=-30", 10, {Kind::kPart, 0, 10}},
      {"bytes=5-500", 10, {Kind::kPart, 5, 5}},
      {"Bytes=5-5", 10, {Kind::kPart, 5, 1}},
      {"bytes=0-18446744073709551615", 10, {Kind::kPart, 0, 10}},
      {"bytes=10-", 10, bad},
      {"bytes=10-20", 10, bad},
      {"bytes=-0", 10, bad},
      {"bytes=0-", 0, bad},
      {"bytes=-5", 0, bad},
      {"", 10, whole},
      {"bytes", 10, whole},
      {"bytes=", 10, whole},
      {"bytes=-", 10, whole},
      {"bytes=4-2", 10, whole},
      {"bytes=a-b", 10, whole},
      {"bytes=0-1,3-4", 10, whole},
      {"lines=0-1", 10, whole},
      {"bytes=0--1", 10, whole},
      {"bytes=99999999999999999999-", 10, whole},
  };
  for (const Case& c : cases)
    EXPECT_EQ(choose_range(c.range, c.size), c.expected) << c.range << " of " << c.size;
}

TEST(ServeFiles, TypesFollowExtensions) {
  EXPECT_EQ(content_type_of("a/b.html"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type_of("x.PNG"), "image/png");
  EXPECT_EQ(content_type_of("x.tar.gz"), "application/gzip");
  EXPECT_EQ(content_type_of("dir.html/x"), "application/octet-stream");
  EXPECT_EQ(content_type_of(".html"), "application/octet-stream");
  EXPECT_EQ(content_type_of("x."), "application/octet-stream");
}

TEST(ServeFiles, DatesAreWrittenAndReadBack) {
  EXPECT_EQ(http_date(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784'111'777);
  EXPECT_EQ(parse_http_date("yesterday"), std::nullopt);
  EXPECT_EQ(parse_http_date(""), std::nullopt);
}

class ServeFilesRoot : public ::testing::Test {
 protected:
  ServeFilesRoot() {
    EXPECT_EQ(::mkdir(dir_.file("root").c_str(), 0755), 0);
    EXPECT_EQ(::mkdir(dir_.file("root/sub").c_str(), 0755), 0);
    dir_.write("root/inside.txt", "inside");
    dir_.write("root/sub/deep.txt", "deep one");
    dir_.write("secret.txt", "secret");
    EXPECT_EQ(::symlink("../secret.txt", dir_.file("root/relative").c_str()), 0);
    EXPECT_EQ(::symlink(dir_.file("secret.txt").c_str(), dir_.file("root/absolute").c_str()), 0);
    EXPECT_EQ(::symlink("..", dir_.file("root/up").c_str()), 0);
    EXPECT_EQ(::symlink("inside.txt", dir_.file("root/alias").c_str()), 0);
    EXPECT_EQ(::symlink("/proc/self/root/etc/passwd", dir_.file("root/magic").c_str()), 0);
    EXPECT_EQ(::mkfifo(dir_.file("root/fifo").c_str(), 0600), 0);
  }
  // What is found, its descriptor closed.
  static FoundFile closed(FoundFile found) {
    if (found.fd >= 0) ::close(found.fd);
    return found;
  }
  testing::ScratchDir dir_;
};

TEST_F(ServeFilesRoot, FilesAndDirectoriesInsideAreFound) {
  const auto root = FileRoot::open(dir_.file("root"));
  ASSERT_TRUE(root.has_value());
  for (const bool kernel : {true, false}) {
    const auto find = [&](const char* path) {
      return closed(kernel ? root->find(path) : root->find_without_links(path));
    };
    EXPECT_EQ(find("inside.txt").kind, FoundFile::Kind::kFile);
    EXPECT_EQ(find("inside.txt").size, 6U);
    EXPECT_EQ(find("sub/deep.txt").size, 8U);
    EXPECT_EQ(find("sub").kind, FoundFile::Kind::kDirectory);
    EXPECT_EQ(find("sub/").kind, FoundFile::Kind::kDirectory);
    EXPECT_EQ(find("").kind, FoundFile::Kind::kDirectory);
    EXPECT_EQ(find("missing").kind, FoundFile::Kind::kNothing);
    EXPECT_EQ(find("inside.txt/").kind, FoundFile::Kind::kNothing);
    EXPECT_EQ(find("inside.txt/x").kind, FoundFile::Kind::kNothing);
    EXPECT_EQ(find("fifo").kind, FoundFile::Kind::kNothing);
  }
}

TEST_F(ServeFilesRoot, NothingOutsideIsFound) {
  const auto root = FileRoot::open(dir_.file("root"));
  ASSERT_TRUE(root.has_value());
  for (const char* path : {"../secret.txt", "sub/../../secret.txt", "relative", "absolute",
                           "up/secret.txt", "up", "magic", "/etc/passwd"}) {
    EXPECT_EQ(closed(root->find(path)).kind, FoundFile::Kind::kNothing) << path;
    if (path[0] != '/') {
      EXPECT_EQ(closed(root->find_without_links(path)).kind, FoundFile::Kind::kNothing) << path;
    }
  }
}

TEST_F(ServeFilesRoot, MissingDirectoryIsNamed) {
  const auto root = FileRoot::open(dir_.file("nowhere"));
  ASSERT_FALSE(root.has_value());
  EXPECT_NE(root.error().find(dir_.file("nowhere")), std::string::npos) << root.error();
}

TEST_F(ServeFilesRoot, ListIsEscaped) {
  dir_.write("root/<b> &.txt", "");
  const auto root = FileRoot::open(dir_.file("root"));
  ASSERT_TRUE(root.has_value());
  const std::string page = list_directory(root->find("").fd, "/");
  EXPECT_NE(page.find("href=\"./%3Cb%3E%20%26.txt\">&lt;b&gt; &amp;.txt</a>"), std::string::npos)
      << page;
  EXPECT_NE(page.find("href=\"./sub/\""), std::string::npos) << page;
}

}  // namespace
}  // namespace h2::tools
