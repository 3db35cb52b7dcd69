#include "perdita/data/loader.hpp"

#include <algorithm>
#include <utility>

#include "perdita/data/loader_epoch.hpp"

namespace perdita::data {

namespace detail {

std::int64_t LoaderPlan::batches() const {
  const std::int64_t samples = options.sampler->size(), size = options.batch_size;
  return options.drop_last ? samples / size : samples / size + (samples % size != 0);
}

RawBatch LoaderPlan::allocate(std::int64_t batch) const {
  const std::int64_t count = std::min(options.batch_size, options.sampler->size() - batch * options.batch_size);
  const DType dtype = dataset.inputs.dtype == DType::uint8 ? DType::float32 : dataset.inputs.dtype;
  return {empty_rows(dataset.inputs, count, dtype), empty_rows(dataset.targets, count, dataset.targets.dtype),
          Array::empty({count}, DType::int64)};
}

void LoaderPlan::fill(RawBatch& memory, std::int64_t batch, const Array& order) const {
  const std::span rows(order.data<std::int64_t>() + batch * options.batch_size,
                       static_cast<std::size_t>(memory.indices.size()));
  check_rows(rows, dataset.size(), "DataLoader: the sampler's order");
  if (dataset.inputs.dtype == DType::uint8) {
    gather_pixels(dataset.inputs, rows, pixels, memory.inputs);
  } else {
    gather_rows(dataset.inputs, rows, memory.inputs);
  }
  gather_rows(dataset.targets, rows, memory.targets);
  std::ranges::copy(rows, memory.indices.data<std::int64_t>());
}

LoaderEpoch::LoaderEpoch(std::shared_ptr<const LoaderPlan> plan, std::uint64_t epoch, std::int64_t first_batch)
    : plan_(std::move(plan)),
      epoch_(epoch),
      batches_(plan_->batches()),
      order_(Array::empty({plan_->options.sampler->size()}, DType::int64)),
      next_(first_batch),
      made_(first_batch) {
  const std::int64_t prefetch = plan_->options.prefetch;
  if (prefetch == 0) {
    draw_order();
    return;
  }
  ring_.resize(static_cast<std::size_t>(prefetch));
  for (std::int64_t batch = next_; batch < std::min(next_ + prefetch, batches_); ++batch) {
    slot(batch) = plan_->allocate(batch);
  }
  worker_ = std::thread([this] { work(); });
}

LoaderEpoch::~LoaderEpoch() {
  if (!worker_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void LoaderEpoch::draw_order() {
  plan_->options.sampler->draw(epoch_, {order_.data<std::int64_t>(), static_cast<std::size_t>(order_.size())});
}

bool LoaderEpoch::wait_for_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stop_ || made_ - next_ < plan_->options.prefetch; });
  return !stop_;
}

void LoaderEpoch::work() {
  try {
    draw_order();
    while (made_ < batches_ && wait_for_room()) {  // only this thread changes made_
      plan_->fill(slot(made_), made_, order_);
      {
        std::lock_guard lock(mutex_);
        ++made_;
      }
      changed_.notify_all();
    }
  } catch (...) {
    std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    changed_.notify_all();
  }
}

std::optional<RawBatch> LoaderEpoch::next() {
  if (next_ >= batches_) return std::nullopt;  // only this thread changes next_
  const std::int64_t prefetch = plan_->options.prefetch;
  RawBatch fresh;
  if (prefetch == 0) {
    fresh = plan_->allocate(next_);
    plan_->fill(fresh, next_++, order_);
    return fresh;
  }
  if (next_ + prefetch < batches_) fresh = plan_->allocate(next_ + prefetch);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return made_ > next_ || error_; });
  if (made_ <= next_) std::rethrow_exception(error_);  // after the batches that were made before it
  RawBatch batch = std::exchange(slot(next_), std::move(fresh));
  ++next_;
  lock.unlock();
  changed_.notify_all();
  return batch;
}

}  // namespace detail

DataLoader::DataLoader(Dataset dataset, const LoaderOptions& options) : state_(std::make_shared<LoaderState>()) {
  constexpr int most_ahead = 1024;
  if (options.batch_size < 1) fail<ValueError>("DataLoader: batch_size is {} (valid: 1 or more)", options.batch_size);
  if (options.prefetch < 0 || options.prefetch > most_ahead) {
    fail<ValueError>("DataLoader: prefetch is {} (valid: 0..{})", options.prefetch, most_ahead);
  }
  if (options.shuffle && options.sampler) {
    fail<ValueError>(
        "DataLoader: shuffle and sampler are both given (valid: one of them, because samplers determine the order)");
  }
  if (dataset.inputs.shape.rank() == 0 || dataset.targets.shape.rank() == 0 ||
      dataset.inputs.shape[0] != dataset.targets.shape[0]) {
    fail<ShapeError>("DataLoader: inputs have shape {} and targets {} (valid: the same number of samples)",
                     dataset.inputs.shape, dataset.targets.shape);
  }
  auto plan = std::make_shared<detail::LoaderPlan>();
  plan->options = options;
  if (options.shuffle) {
    plan->options.sampler = RandomSampler(dataset.size(), {.seed = options.seed});
  } else if (!options.sampler) {
    plan->options.sampler = SequentialSampler(dataset.size());
  }
  plan->pixels = detail::pixel_table(dataset.pixels);
  plan->dataset = std::move(dataset);
  state_->seed = options.seed;
  plan_ = std::move(plan);
}

DataLoader::DataLoader(DataLoader&&) noexcept = default;
DataLoader& DataLoader::operator=(DataLoader&&) noexcept = default;
DataLoader::~DataLoader() = default;

std::int64_t DataLoader::size() const { return plan_->batches(); }
const Dataset& DataLoader::dataset() const { return plan_->dataset; }

void DataLoader::restore(const LoaderState& state) {
  if (state.seed != state_->seed) {
    fail<ValueError>("DataLoader::restore: the state has seed {}, this loader {}", state.seed, state_->seed);
  }
  if (state.position < 0 || state.position > size()) {
    fail<ValueError>("DataLoader::restore: position is {} (valid: 0..{} batches)", state.position, size());
  }
  *state_ = state;
  resumes_ = true;
}

DataLoader::Iterator DataLoader::begin() {
  // A loop that was left early has its epoch behind it all the same.
  if (!resumes_ && state_->position != 0) *state_ = {state_->seed, state_->epoch + 1, 0};
  resumes_ = false;
  state_ = std::make_shared<LoaderState>(*state_);  // an older iterator that still runs keeps its own
  Iterator it;
  it.state_ = state_;
  it.epoch_ = std::make_shared<detail::LoaderEpoch>(plan_, state_->epoch, state_->position);
  it.advance();
  return it;
}

DataLoader::Iterator& DataLoader::Iterator::operator++() {
  batch_ = {};  // its memory is free for the next one
  advance();
  return *this;
}

void DataLoader::Iterator::advance() {
  std::optional<detail::RawBatch> raw = epoch_->next();
  if (raw) {
    ++state_->position;
    batch_ = {Tensor::from(raw->inputs), Tensor::from(raw->targets), std::move(raw->indices)};
  } else {
    epoch_.reset();
    *state_ = {state_->seed, state_->epoch + 1, 0};
  }
}

}  // namespace perdita::data
