#include "perdita/evaluate/hardest.hpp"

#include <algorithm>
#include <cmath>

namespace perdita::evaluate {

namespace {

bool is_harder(const HardSample& a, const HardSample& b) {
  if (std::isnan(a.loss) != std::isnan(b.loss)) return std::isnan(a.loss);
  if (a.loss > b.loss || a.loss < b.loss) return a.loss > b.loss;
  return a.index < b.index;
}

}  // namespace

void Hardest::add(const HardSample& sample) {
  heap_.push_back(sample);
  std::ranges::push_heap(heap_, is_harder);
  if (heap_.size() > wanted_) {
    std::ranges::pop_heap(heap_, is_harder);
    heap_.pop_back();
  }
  if (heap_.size() < wanted_ || heap_.empty()) return;
  const double easiest = heap_.front().loss;
  least_ = std::isnan(easiest) ? std::numeric_limits<double>::infinity() : easiest;
}

void Hardest::merge(const Hardest& other) {
  heap_.insert(heap_.end(), other.heap_.begin(), other.heap_.end());
  std::ranges::sort(heap_, is_harder);
  if (heap_.size() > wanted_) heap_.resize(wanted_);
  std::ranges::make_heap(heap_, is_harder);
}

std::vector<HardSample> Hardest::result() const {
  std::vector<HardSample> sorted = heap_;
  std::ranges::sort(sorted, is_harder);
  return sorted;
}

}  // namespace perdita::evaluate
