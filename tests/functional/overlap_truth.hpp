// Losses of masks as their papers have them: loops in double over the pixels of one mask after another.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace perdita::truth {

using Row = std::vector<double>;

/// Logits and targets of what is to be segmented: [items, classes, pixels]. A target that is negative is ignored.
/// With softmax, target[item][pixel] is a class index, else there is a target for each logit.
struct Scene {
  std::size_t items, classes, pixels;
  Row logits, targets;
  bool softmax, batch, squared;

  double logit(std::size_t n, std::size_t c, std::size_t i) const { return logits[(n * classes + c) * pixels + i]; }
  /// Of a pixel in mask c, or negative.
  double target(std::size_t n, std::size_t c, std::size_t i) const {
    if (!softmax) return targets[(n * classes + c) * pixels + i];
    const double label = targets[n * pixels + i];
    return label < 0 ? label : label == static_cast<double>(c);
  }
  double probability(std::size_t n, std::size_t c, std::size_t i) const {
    if (!softmax) return 1 / (1 + std::exp(-logit(n, c, i)));
    double total = 0;
    for (std::size_t k = 0; k < classes; ++k) total += std::exp(logit(n, k, i) - logit(n, c, i));
    return 1 / total;
  }
  /// visit(n, i) for the pixels of mask m that are not ignored; m counts items, then classes.
  template <class Visit>
  void each_pixel(std::size_t m, const Visit& visit) const {
    const std::size_t c = m % classes, first = batch ? 0 : m / classes, last = batch ? items : first + 1;
    for (std::size_t n = first; n < last; ++n) {
      for (std::size_t i = 0; i < pixels; ++i) {
        if (target(n, c, i) >= 0) visit(n, i);
      }
    }
  }
  std::size_t masks() const { return batch ? classes : items * classes; }
};

/// The intersection sum p t, and sum p + sum t (or of squares).
struct Sums {
  double both = 0, p = 0, t = 0;
};
inline Sums sums_of(const Scene& scene, std::size_t m) {
  Sums s;
  const std::size_t c = m % scene.classes;
  scene.each_pixel(m, [&](std::size_t n, std::size_t i) {
    const double p = scene.probability(n, c, i), t = scene.target(n, c, i);
    s.both += p * t;
    s.p += scene.squared ? p * p : p;
    s.t += scene.squared ? t * t : t;
  });
  return s;
}

inline double dice(const Sums& s, double smooth) { return 1 - (2 * s.both + smooth) / (s.p + s.t + smooth); }
inline double jaccard(const Sums& s, double smooth) { return 1 - (s.both + smooth) / (s.p + s.t - s.both + smooth); }
inline double tversky(const Sums& s, double alpha, double beta, double smooth) {
  return 1 - (s.both + smooth) / (s.both + alpha * (s.p - s.both) + beta * (s.t - s.both) + smooth);
}

/// The Jaccard loss of the set of wrong pixels: of the mask's and of the others.
inline double jaccard_loss_of(double size, double wrong_inside, double wrong_outside) {
  const double intersection = size - wrong_inside, together = size + wrong_outside;
  return together == 0 ? 0 : 1 - intersection / together;
}

/// Equations 8 and 9: the errors from the largest down (ties as they lie), each times what it adds to the Jaccard loss.
inline double lovasz(const Scene& scene, std::size_t m) {
  struct Pixel {
    double error;
    bool inside;
  };
  std::vector<Pixel> pixels;
  const std::size_t c = m % scene.classes;
  scene.each_pixel(m, [&](std::size_t n, std::size_t i) {
    const double t = scene.target(n, c, i);
    const double error = scene.softmax ? std::abs(t - scene.probability(n, c, i))
                                       : std::max(0.0, 1 - (2 * t - 1) * scene.logit(n, c, i));
    pixels.push_back({error, t == 1});
  });
  std::stable_sort(pixels.begin(), pixels.end(), [](const Pixel& a, const Pixel& b) { return a.error > b.error; });
  double size = 0, inside = 0, outside = 0, before = 0, loss = 0;
  for (const Pixel& pixel : pixels) size += pixel.inside;
  for (const Pixel& pixel : pixels) {
    (pixel.inside ? inside : outside) += 1;
    const double now = jaccard_loss_of(size, inside, outside);
    loss += pixel.error * (now - before);
    before = now;
  }
  return loss;
}

}  // namespace perdita::truth
