#include <bit>
#include <list>
#include <mutex>
#include <unordered_map>

#include "perdita/kernels/program.hpp"
#include "perdita/math/expr_order.hpp"

namespace perdita {

namespace {

/// A graph written out, two words a node: formulas built by the same code have the same key, and no others have.
struct Key {
  std::vector<std::uint64_t> words;
  std::uint64_t hash = 0;

  void assign(std::span<const Expr> outputs, ExprOrder& order) {
    order.build(outputs);
    words.resize(2 * static_cast<std::size_t>(order.size()) + outputs.size());
    std::uint64_t* word = words.data();
    std::uint64_t first_hash = 0, second_hash = 0;
    for (int i = 0; i < order.size(); ++i, word += 2) {
      const Expr& node = order[i];
      const Op op = node.op();
      word[0] = pack(static_cast<int>(op), op == Op::input ? node.index() : order.operand(i, 0));
      word[1] = op == Op::constant ? std::bit_cast<std::uint64_t>(node.value())
                                   : pack(order.operand(i, 1), order.operand(i, 2));
      first_hash = mix(first_hash, word[0]);
      second_hash = mix(second_hash, word[1]);
    }
    for (const Expr& output : outputs) *word++ = static_cast<std::uint64_t>(order.position(output));
    hash = mix(mix(first_hash, second_hash), words.back());
  }
  friend bool operator==(const Key& a, const Key& b) { return a.hash == b.hash && a.words == b.words; }

 private:
  static std::uint64_t pack(int low, int high) {
    return static_cast<std::uint32_t>(low) | static_cast<std::uint64_t>(static_cast<std::uint32_t>(high)) << 32;
  }
  static std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
    return std::rotl((hash ^ word) * 0x9E3779B97F4A7C15u, 29);
  }
};

class ProgramCache {
 public:
  static ProgramCache& instance() {
    static ProgramCache* cache = new ProgramCache;  // outlives every static user
    return *cache;
  }

  Program get(const Key& key, std::span<const Expr> outputs) {
    {
      std::lock_guard lock(mutex_);
      if (const auto found = find(key); found != entries_.end()) {
        entries_.splice(entries_.begin(), entries_, found);
        return found->program;
      }
    }
    const Program program(outputs);  // not under the lock: compiling takes its time
    std::lock_guard lock(mutex_);
    if (find(key) == entries_.end()) insert(key, program);
    return program;
  }

  int size() {
    std::lock_guard lock(mutex_);
    return static_cast<int>(entries_.size());
  }

 private:
  struct Entry {
    Key key;
    Program program;
  };
  using Entries = std::list<Entry>;  // used most recently first

  Entries::iterator find(const Key& key) {
    const auto [first, last] = by_hash_.equal_range(key.hash);
    for (auto i = first; i != last; ++i) {
      if (i->second->key == key) return i->second;
    }
    return entries_.end();
  }

  void insert(const Key& key, const Program& program) {
    entries_.push_front({key, program});
    by_hash_.emplace(key.hash, entries_.begin());
    if (entries_.size() <= static_cast<std::size_t>(max_compiled_programs)) return;
    const auto oldest = std::prev(entries_.end());
    const auto [first, last] = by_hash_.equal_range(oldest->key.hash);
    for (auto i = first; i != last; ++i) {
      if (i->second != oldest) continue;
      by_hash_.erase(i);
      break;
    }
    entries_.pop_back();
  }

  std::mutex mutex_;
  Entries entries_;
  std::unordered_multimap<std::uint64_t, Entries::iterator> by_hash_;
};

}  // namespace

Program compiled(std::span<const Expr> outputs) {
  thread_local ExprOrder order;
  thread_local Key key;
  if (outputs.empty()) return Program(outputs);
  key.assign(outputs, order);
  return ProgramCache::instance().get(key, outputs);
}

int num_compiled_programs() { return ProgramCache::instance().size(); }

}  // namespace perdita
