#include "perdita/data/json.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/files.hpp"

namespace perdita::data {
namespace {

std::string message(const std::string& text) {
  return message_of<DataError>([&] { parse_json(text, "f.json"); });
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

TEST(Json, ReadsWhatIsWithinItsBounds) {
  const auto value = parse_json(R"({"b":[1,2.5,"]]]]{\"[["],"a":{"b":null}})", "f.json");
  EXPECT_EQ(value["b"][2], "]]]]{\"[[");
  EXPECT_TRUE(value["a"]["b"].is_null());
  EXPECT_EQ(parse_json<nlohmann::ordered_json>(R"({"b":1,"a":2})", "f.json").begin().key(), "b");
  EXPECT_TRUE(parse_json(nested(64), "f.json").is_array());
}

TEST(Json, BoundsDepth) {
  EXPECT_EQ(message(nested(65)), "f.json is nested too deeply at character 64 (valid: up to 64 levels)");
  EXPECT_CONTAINS(message(nested(1000000)), "nested too deeply");
  EXPECT_CONTAINS(message(std::string(1000000, '[')), "nested too deeply");
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_CONTAINS(message(objects), "nested too deeply");
  EXPECT_CONTAINS(message(std::string("\"").append(100, '[')), "not valid JSON");
}

TEST(Json, BoundsValues) {
  std::string many = "[0";
  for (int i = 0; i < 300000; ++i) many += ",0";
  EXPECT_EQ(message(many + "]"), "f.json has too many JSON values (valid: up to 262144)");
  std::string keys = "{";
  for (int i = 0; i < 20000; ++i) keys += fmt::format("\"{}\":0,", i);
  keys.back() = '}';
  EXPECT_EQ(parse_json(keys, "f.json").size(), 20000u);
  EXPECT_CONTAINS(message_of<DataError>([&] { parse_json<nlohmann::ordered_json>(keys, "f.json"); }), "too many keys");
}

TEST(Json, RefusesWhatReadersDisagreeOn) {
  EXPECT_EQ(message(R"({"a":1,"a":2})"), "f.json contains the key 'a' twice");
  EXPECT_EQ(message(R"({"a\u001b":1,"a\u001b":2})"), "f.json contains the key 'a\\x1b' twice");
  EXPECT_CONTAINS(message("{\"a\":1"), "f.json is not valid JSON: ");
  EXPECT_CONTAINS(message("\x1b[31m"), "f.json is not valid JSON: ");
  EXPECT_EQ(message("\x1b[31m").find('\x1b'), std::string::npos);
  EXPECT_CONTAINS(message("\xff"), "f.json is not valid JSON: ");
  EXPECT_CONTAINS(message("{\"a\":1e999}"), "f.json is not valid JSON: ");
}

}  // namespace
}  // namespace perdita::data
