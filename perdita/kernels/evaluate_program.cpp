#include "perdita/kernels/evaluate_program.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory_resource>
#include <vector>

#include "perdita/core/buffer.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/core/sum.hpp"
#include "perdita/expr/program_code.hpp"
#include "perdita/kernels/block_sum.hpp"
#include "perdita/kernels/gather.hpp"
#include "perdita/kernels/stream.hpp"

namespace perdita {

namespace detail {
namespace {

/// Elements per item of the parallel loop. Fixed, so that the tree of sums does not depend on threads.
constexpr std::int64_t chunk_size = 16 * 1024;
/// Below this the threads cost more than they bring.
constexpr std::int64_t min_parallel_size = 32 * 1024;

/// Memory of this thread, kept between calls.
std::byte* scratch_of_thread(std::size_t bytes) {
  thread_local Buffer scratch;
  if (scratch.size() < bytes) scratch = Buffer::allocate(bytes);
  return static_cast<std::byte*>(scratch.data());
}

enum class Access {
  in_place,  // dense and of the computing type: read or written where it is
  once,      // one number: its block is filled once
  staged     // through a block
};

template <class T>
class Evaluation {
 public:
  Evaluation(const ProgramCode& code, const Shape& shape, std::span<const Operand> operands,
             std::span<const Result> results, std::pmr::memory_resource* memory)
      : code_(code), size_(numel(shape)), inputs_(memory), outputs_(memory) {
    inputs_.reserve(code.inputs.size());
    for (int index : code.inputs) inputs_.push_back(make_input(shape, operands[static_cast<std::size_t>(index)]));
    outputs_.reserve(results.size());
    for (const Result& result : results) outputs_.push_back(make_output(result));
    block_size_ = choose_block_size();
  }

  void run() {
    const std::int64_t chunks = (size_ + chunk_size - 1) / chunk_size;
    if (chunks <= 1) {
      run_chunk(0, [this](std::size_t k, double sum) { *outputs_[k].sum = sum; });
      return;
    }
    const auto stride = static_cast<std::size_t>(chunks);
    std::vector<double> sums(outputs_.size() * stride);
    const auto body = [&](std::int64_t chunk) {
      run_chunk(chunk, [&](std::size_t k, double sum) { sums[k * stride + static_cast<std::size_t>(chunk)] = sum; });
    };
    if (size_ < min_parallel_size) {
      for (std::int64_t chunk = 0; chunk < chunks; ++chunk) body(chunk);
    } else {
      perdita::parallel_for(chunks, body);
    }
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      if (outputs_[k].sum) *outputs_[k].sum = combine_block_sums(std::span(sums).subspan(k * stride, stride));
    }
  }

 private:
  static constexpr std::int64_t group = group_size<T>;

  struct Input {
    StridedArray array;
    Access access;
  };
  struct Output {
    T* data;
    float* rounded;  // the array, if its type is not T
    double* sum;
    Access access;
    bool is_streamed;
  };

  static Input make_input(const Shape& shape, const Operand& operand) {
    Input input{strided_array(operand.data, operand.dtype, shape, operand.strides), Access::staged};
    if (input.array.is_scalar())
      input.access = Access::once;
    else if (input.array.is_dense() && operand.dtype == dtype_of<T>())
      input.access = Access::in_place;
    return input;
  }

  // An output that overwrites an operand is written when its block has been read for the last time.
  Output make_output(const Result& result) const {
    if constexpr (std::is_same_v<T, double>) {
      if (result.is_float32) return {nullptr, static_cast<float*>(result.data), result.sum, Access::staged, false};
    }
    Output output{static_cast<T*>(result.data), nullptr, result.sum, Access::staged, false};
    const bool overwrites = std::ranges::any_of(inputs_, [&](const Input& i) { return i.array.data == result.data; });
    output.is_streamed = result.data && !overwrites && is_worth_streaming(result.data, size_ * sizeof(T));
    if (result.data && !overwrites && !output.is_streamed) output.access = Access::in_place;
    return output;
  }

  /// As many elements as keep all blocks in the innermost cache, within reason.
  std::int64_t choose_block_size() const {
    constexpr std::int64_t cache_bytes = 32 * 1024;
    std::int64_t block = 1024;
    while (block > 256 && block * code_.num_blocks() * static_cast<std::int64_t>(sizeof(T)) > cache_bytes) block /= 2;
    return block;
  }

  /// One thread's view of the block table, and the memory behind it.
  struct Workspace {
    T** table;
    double* sums;  // of the blocks of one chunk, one row for each output
    T* blocks;
    std::int64_t stride;
    T* block(std::size_t place) const { return blocks + static_cast<std::int64_t>(place) * stride; }
  };

  std::size_t parts_of_chunk() const { return static_cast<std::size_t>(chunk_size / block_size_) + 1; }

  Workspace make_workspace() const {
    const auto padded = [](std::size_t bytes) { return (bytes + 63) / 64 * 64; };
    const auto places = static_cast<std::size_t>(code_.num_blocks());
    const std::vector<T>& constants = code_.template constants<T>();
    const std::size_t table_bytes = padded((places + constants.size()) * sizeof(T*));
    const std::size_t sum_bytes = padded(outputs_.size() * parts_of_chunk() * sizeof(double));
    const std::int64_t stride = block_size_ + group;  // room for gather_overshoot; no two blocks 4 KiB apart
    std::byte* scratch =
        scratch_of_thread(table_bytes + sum_bytes + places * static_cast<std::size_t>(stride) * sizeof(T));
    const Workspace workspace{reinterpret_cast<T**>(scratch), reinterpret_cast<double*>(scratch + table_bytes),
                              reinterpret_cast<T*>(scratch + table_bytes + sum_bytes), stride};
    for (std::size_t place = 0; place < places; ++place) workspace.table[place] = workspace.block(place);
    for (std::size_t i = 0; i < constants.size(); ++i) workspace.table[places + i] = const_cast<T*>(&constants[i]);
    return workspace;
  }

  /// Calls take_sum(k, sum) for every output k whose sum is wanted.
  template <class TakeSum>
  void run_chunk(std::int64_t chunk, TakeSum take_sum) const {
    const Workspace workspace = make_workspace();
    const std::int64_t begin = chunk * chunk_size, end = std::min(begin + chunk_size, size_);
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      if (inputs_[k].access == Access::once) gather(workspace.block(k), inputs_[k].array, 0, block_size_);
    }
    std::size_t part = 0;
    for (std::int64_t at = begin; at < end; ++part) {
      // What does not fill a group goes through padded blocks, so that primitives know whole groups only.
      const std::int64_t left = std::min(block_size_, end - at);
      const bool is_tail = left < group;
      const std::int64_t count = is_tail ? left : left / group * group;
      read_block(workspace, at, count, is_tail);
      execute(workspace.table, is_tail ? group : count);
      write_block(workspace, at, count, is_tail, part);
      at += count;
    }
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      if (outputs_[k].is_streamed) end_streaming();
      if (outputs_[k].sum) take_sum(k, combine_block_sums({workspace.sums + k * parts_of_chunk(), part}));
    }
  }

  void read_block(const Workspace& workspace, std::int64_t at, std::int64_t count, bool is_tail) const {
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      const Input& input = inputs_[k];
      T*& block = workspace.table[k];
      if (input.access == Access::once) continue;
      if (input.access == Access::in_place && !is_tail) {
        block = const_cast<T*>(static_cast<const T*>(input.array.data)) + at;
        continue;
      }
      block = workspace.block(k);
      gather(block, input.array, at, count);
      if (is_tail) std::fill(block + count, block + group, block[count - 1]);
    }
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      const bool in_place = outputs_[k].access == Access::in_place && !is_tail;
      const std::size_t place = inputs_.size() + k;
      workspace.table[place] = in_place ? outputs_[k].data + at : workspace.block(place);
    }
  }

  void execute(T* const* table, std::int64_t count) const {
    for (const Instruction& i : code_.instructions) {
      const auto block = [&](std::int16_t place) { return table[static_cast<std::size_t>(place)]; };
      i.primitive<T>()(block(i.target), block(i.operands[0]), block(i.operands[1]), block(i.operands[2]), count);
    }
  }

  void write_block(const Workspace& workspace, std::int64_t at, std::int64_t count, bool is_tail,
                   std::size_t part) const {
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      const Output& output = outputs_[k];
      T* block = workspace.table[inputs_.size() + k];
      const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
      if (output.data && block != output.data + at) {
        if (output.is_streamed && !is_tail)
          stream(output.data + at, block, bytes);
        else
          std::memcpy(output.data + at, block, bytes);
      }
      if (output.rounded) {
        for (std::int64_t i = 0; i < count; ++i) output.rounded[at + i] = static_cast<float>(block[i]);
      }
      if (!output.sum) continue;
      if (is_tail) std::fill(block + count, block + group, T(0));
      workspace.sums[k * parts_of_chunk() + part] = block_sum(block, is_tail ? group : count);
    }
  }

  const ProgramCode& code_;
  std::int64_t size_;
  std::int64_t block_size_;
  std::pmr::vector<Input> inputs_;
  std::pmr::vector<Output> outputs_;
};

void check(const ProgramCode& code, const Shape& shape, std::span<const Operand> operands,
           std::span<const Result> results) {
  if (results.size() != static_cast<std::size_t>(code.outputs)) {
    fail<ValueError>("evaluate: got {} results for {} outputs", results.size(), code.outputs);
  }
  for (int index : code.inputs) {
    if (static_cast<std::size_t>(index) >= operands.size()) {
      fail<ValueError>("evaluate: the program reads input {}, but there are {} operands", index, operands.size());
    }
    const Strides& strides = operands[static_cast<std::size_t>(index)].strides;
    if (strides.rank() != shape.rank()) {
      fail<ShapeError>("evaluate: operand {} has {} strides for shape {}", index, strides.rank(), shape);
    }
  }
}

}  // namespace
}  // namespace detail

void evaluate(const Program& program, DType computing_type, const Shape& shape, std::span<const Operand> operands,
              std::span<const Result> results) {
  const detail::ProgramCode& code = program.code();
  detail::check(code, shape, operands, results);
  if (numel(shape) == 0) {
    for (const Result& result : results) {
      if (result.sum) *result.sum = 0.0;
    }
    return;
  }
  visit_floating(computing_type, "evaluate", [&]<class T>() {
    std::array<std::byte, 4096> memory;  // for a handful of operands; more come from the heap
    std::pmr::monotonic_buffer_resource resource(memory.data(), memory.size());
    detail::Evaluation<T>(code, shape, operands, results, &resource).run();
  });
}

}  // namespace perdita
