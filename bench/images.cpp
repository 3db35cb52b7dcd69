// Losses of images, through tensors: forward and backward.
#include <memory>

#include "bench/floors.hpp"
#include "bench/groups.hpp"
#include "bench/table.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita::bench {

namespace {

namespace F = functional;

/// Images [8, 3, 256, 256], made when a benchmark runs first.
struct Pictures {
  Tensor input, target;

  void make() {
    if (input.defined()) return;
    input = Tensor::rand({8, 3, 256, 256}, 1).set_requires_grad();
    target = Tensor::rand({8, 3, 256, 256}, 2);
  }
};

constexpr double pixels = 8 * 3 * 256 * 256;

/// The time is that of the arithmetic, and not of memory: it is not compared with that of a copy.
template <class Function, class Loss>
void add_similarity(const std::string& name, const Function& function, const Loss& loss) {
  const auto pictures = std::make_shared<Pictures>();
  add_timing(fmt::format("images/{}/8x3x256x256", name), [=] {
    pictures->make();
    function(pictures->input, pictures->target, loss).backward();
    pictures->input.set_grad({});
  });
}

void add_total_variation(const std::string& name, const TotalVariation& loss) {
  const auto pictures = std::make_shared<Pictures>();
  const auto floor = [](const Times& times) { return seconds_to_move(times, 8 * pixels); };
  add_case({fmt::format("images/total_variation, {}/8x3x256x256", name), pixels, floor, 8, "bytes of one pass"}, [=] {
    pictures->make();
    F::total_variation_loss(pictures->input, loss).backward();
    pictures->input.set_grad({});
  });
}

}  // namespace

void add_images() {
  add_similarity("ssim", F::ssim_loss, Ssim{});
  add_similarity("ssim, reflect", F::ssim_loss, Ssim{.padding = ImagePadding::reflect});
  add_similarity("ms_ssim", F::ms_ssim_loss, MsSsim{});
  add_total_variation("l1", {});
  add_total_variation("isotropic", {.norm = VariationNorm::isotropic});
}

}  // namespace perdita::bench
