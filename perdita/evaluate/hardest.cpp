#include "perdita/evaluate/hardest.hpp"

#include <algorithm>

namespace perdita::evaluate {

namespace {

bool is_harder(const HardSample& a, const HardSample& b) {
  return a.loss != b.loss ? a.loss > b.loss : a.index < b.index;
}

}  // namespace

void Hardest::add(const HardSample& sample) {
  heap_.push_back(sample);
  std::ranges::push_heap(heap_, is_harder);
  if (heap_.size() > wanted_) {
    std::ranges::pop_heap(heap_, is_harder);
    heap_.pop_back();
  }
  if (heap_.size() == wanted_) least_ = heap_.front().loss;
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
