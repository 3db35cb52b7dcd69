// How the learning rate changes over a run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perdita::train {

enum class Decay {
  constant,
  step,    ///< times `factor` at each of the milestones
  cosine,  ///< half a cosine down to `minimum` (Loshchilov and Hutter: SGDR, ICLR 2017, eq. 5, without restarts)
};

struct Schedule {
  Decay decay = Decay::constant;
  std::vector<double> milestones = {};  ///< shares of the run, ascending
  double factor = 0.1;
  double minimum = 0;  ///< as a share of the learning rate
};

/// "constant", "step:0.8,0.9" or "step:0.5,factor=0.3", "cosine" or "cosine:minimum=0.01". Throws ValueError that lists
/// what is valid.
Schedule parse_schedule(std::string_view text);
/// What parse_schedule() takes.
std::string to_string(const Schedule& schedule);

/// What the learning rate is multiplied by in step number `step` (from 0) of `steps`. During the first `warmup` steps
/// it rises in proportion to the number of the step, counted from 1; a cosine begins after them.
double lr_factor(const Schedule& schedule, std::int64_t step, std::int64_t steps, std::int64_t warmup = 0);

}  // namespace perdita::train
