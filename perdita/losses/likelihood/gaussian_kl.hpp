#pragma once

#include "perdita/losses/info.hpp"
#include "perdita/math/remainders.hpp"

namespace perdita {

/// Kullback-Leibler divergence of a normal distribution from the standard one: the latent term of a variational
/// autoencoder.
struct GaussianKl {
  static constexpr LossInfo info{
      .name = "gaussian_kl",
      .torch_name = "",
      .family = Family::likelihood,
      .operands = {prediction(Meaning::value).named("mean"), prediction(Meaning::log_variance).named("log_var"),
                   loss_weight_operand},
      .summary =
          "(mean^2 + exp(log_var) - 1 - log_var) / 2 for each latent dimension; a mean sums over the dimensions and "
          "divides by the size of the batch.",
      .variables = "mean, log_var: mean and logarithm of the variance of the approximate posterior, [N, D]",
      .mean = Normalize::batch,
      .traits = Trait::convex | Trait::smooth | Trait::never_negative,
      .use_when =
          "a variational autoencoder is trained; add it to the reconstruction loss, summed over the data "
          "dimensions and divided by the batch in the same way",
      .avoid_when =
          "the reconstruction loss is a mean over elements: the divergence then has too much weight by the number "
          "of data dimensions (sum it, or multiply this loss)",
      .source = "Kingma and Welling, Auto-encoding variational Bayes, ICLR 2014, appendix B",
      .differences =
          "torch.distributions.kl_divergence of two Normal distributions, to the last digits also where the "
          "divergence is near 0"};

  auto operator()(auto mean, auto log_var) const { return 0.5 * (mean * mean + expm1_without_x(log_var)); }
};

}  // namespace perdita
