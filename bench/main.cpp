// perdita_bench [--threads=N] [--quick] [flags of Google Benchmark]: every loss over its floor, measured in one run.
//
// Repetitions of all benchmarks are interleaved at random, and medians are compared.
#include <fmt/core.h>

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "bench/floors.hpp"
#include "bench/groups.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/math/isa.hpp"

int main(int argc, char** argv) {
  using namespace perdita;
  constexpr std::string_view filter = "--benchmark_filter=";
  bool quick = false;
  std::vector<std::string> flags{argv[0], "--benchmark_enable_random_interleaving=true"};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") {
      quick = true;
    } else if (argument.starts_with("--threads=")) {
      int threads = 0;
      std::from_chars(argument.data() + 10, argument.data() + argument.size(), threads);
      set_num_threads(threads);
    } else if (argument.starts_with(filter)) {
      flags.push_back(fmt::format("{}floor/|{}", filter, argument.substr(filter.size())));  // what ratios are made of
    } else {
      flags.emplace_back(argument);
    }
  }
  flags.insert(flags.begin() + 1, quick ? "--benchmark_repetitions=3" : "--benchmark_repetitions=9");
  flags.insert(flags.begin() + 1, quick ? "--benchmark_min_time=0.01" : "--benchmark_min_time=0.05");
  std::vector<char*> pointers;
  for (std::string& flag : flags) pointers.push_back(flag.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;

  bench::add_floors();
  bench::add_elementwise();
  bench::add_softmax();
  bench::add_sequences();
  bench::add_comparing();
  bench::add_overlap();
  bench::add_images();
  bench::add_options();
  bench::add_tensors();
  fmt::print("{} threads, {}, float32, value and gradient together\n", num_threads(), name_of(active_isa()));
  bench::TableReporter table;
  benchmark::RunSpecifiedBenchmarks(&table);
  return 0;
}
