#include <bit>
#include <list>
#include <mutex>
#include <unordered_map>

#include "perdita/kernels/program.hpp"
#include "perdita/math/expr_order.hpp"

namespace perdita {

namespace {

/// A graph written out node by node: formulas built by the same code have the same key, and no others have.
struct Key {
  std::vector<std::uint32_t> words;
  std::uint64_t hash = 0;

  void assign(std::span<const Expr> outputs, ExprOrder& order) {
    order.build(outputs);
    words.clear();
    hash = 0;
    for (int i = 0; i < order.size(); ++i) {
      const Expr& node = order[i];
      push(static_cast<std::uint32_t>(node.op()));
      if (node.op() == Op::input) push(static_cast<std::uint32_t>(node.index()));
      if (node.op() == Op::constant) {
        const auto bits = std::bit_cast<std::uint64_t>(node.value());
        push(static_cast<std::uint32_t>(bits));
        push(static_cast<std::uint32_t>(bits >> 32));
      }
      for (int k = 0; k < arity(node.op()); ++k) push(static_cast<std::uint32_t>(order.position(node.operand(k))));
    }
    for (const Expr& output : outputs) push(static_cast<std::uint32_t>(order.position(output)));
  }
  friend bool operator==(const Key& a, const Key& b) { return a.hash == b.hash && a.words == b.words; }

 private:
  void push(std::uint32_t word) {
    words.push_back(word);
    hash = (std::rotl(hash, 5) ^ word) * 0x9E3779B97F4A7C15u;
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
  key.assign(outputs, order);
  return ProgramCache::instance().get(key, outputs);
}

int num_compiled_programs() { return ProgramCache::instance().size(); }

}  // namespace perdita
