#pragma once

#include <array>

#include "perdita/losses/contrastive/operands.hpp"

namespace perdita {

/// The triplets of a batch that are compared.
enum class Mining { hard, semi_hard, all };
inline constexpr std::string_view mining_names[] = {"hard", "semi_hard", "all"};
/// The distance of two embeddings.
enum class EmbeddingDistance { euclidean, squared, cosine };
inline constexpr std::string_view embedding_distance_names[] = {"euclidean", "squared", "cosine"};

/// An embedding should be nearer to those of its class than to those of other classes, by a margin.
struct BatchTriplet {
  static constexpr LossInfo info{
      .name = "batch_triplet",
      .torch_name = "",
      .family = Family::contrastive,
      .operands = {embeddings_operand, embedding_class_operand, query_weight_operand},
      .unit = Unit::vector,
      .summary =
          "max(0, d(a, p) - d(a, n) + margin) for triplets of an embedding a, another p of its class and one n of "
          "another class; with soft, log(1 + exp(d(a, p) - d(a, n))). hard: the farthest p and the nearest n of each "
          "a; semi_hard: for each a and p the nearest n that is farther than p, or the farthest n if there is none; "
          "all: all triplets.",
      .variables = "d: distance; one loss for each a, the sum of its triplets",
      .broadcasts = false,
      .counted =
          "the number of anchors a with a triplet (hard), of pairs a, p (semi_hard), or of triplets whose loss is not "
          "0 (all)",
      .traits = Trait::never_negative,
      .use_when = "embeddings are learned from labelled samples, and triplets are chosen within each batch",
      .avoid_when = "triplets are given (see triplet_margin), or batches are large and labels many (see sup_con)",
      .source =
          "Hermans, Beyer and Leibe, In defense of the triplet loss for person re-identification, arXiv 1703.07737, "
          "eq. 5; Schroff, Kalenichenko and Philbin, FaceNet, CVPR 2015",
      .differences =
          "an anchor without another of its class is left out (sentence-transformers: its distance is 0). Distances "
          "are computed from inner products in float64, and those below 1e-7 of the length of the vectors are 0"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&BatchTriplet::margin>("margin", "distance by which embeddings of other classes should be farther"),
        choice<&BatchTriplet::mining>("mining", "triplets that are compared", mining_names),
        parameter<&BatchTriplet::soft>("soft", "softplus instead of the margin"),
        choice<&BatchTriplet::distance>("distance", "distance of embeddings: Euclidean, its square, or 1 - cosine",
                                        embedding_distance_names)};
  }

  double margin = 1.0;
  Mining mining = Mining::hard;
  bool soft = false;
  EmbeddingDistance distance = EmbeddingDistance::euclidean;
};

}  // namespace perdita
