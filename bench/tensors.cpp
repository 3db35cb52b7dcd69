// What goes through tensors: losses written by the user, small tensors, an epoch of training.
#include <vector>

#include "bench/floors.hpp"
#include "bench/groups.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/losses/span.hpp"
#include "perdita/perdita.hpp"
#include "perdita/tensor/matmul.hpp"

namespace perdita::bench {

namespace {

namespace F = functional;

/// Shares the memory of the common arrays.
Tensor shared(const float* data) {
  return Tensor::from(Array{DType::float32,
                            {elements},
                            Buffer::wrap(
                                const_cast<float*>(data), elements * 4, [](void*) {}, nullptr)});
}

void add_focal() {
  const auto leaf = [] {
    static const Tensor y = shared(arrays().y).set_requires_grad();
    return y;
  };
  const auto labels = [] {
    static const Tensor t = shared(arrays().t);
    return t;
  };
  const BinaryFocal loss{.alpha = 0.25, .gamma = 2, .alpha_by_class = false};
  add_timing("tensor/focal built in", [=] {
    F::binary_focal_loss(leaf(), labels(), loss).backward();
    leaf().set_grad({});
  });
  add_timing("tensor/focal as a lambda", [=] {
    static const auto lambda = elementwise([](auto y, auto t) {
      const auto b = softplus(y) - t * y;
      return 0.25 * square(1.0 - exp(-b)) * b;
    });
    lambda(leaf(), labels()).backward();
    leaf().set_grad({});
  });
  add_case({"tensor/focal as text", static_cast<double>(elements),
            [](const Times& times) { return times.at("tensor/focal as a lambda"); }, 2, "the same formula as a lambda"},
           [=] {
             static const Formula formula = Formula::parse(
                 "alpha * (1 - exp(-b))^gamma * b where b = softplus(y) - t * y; alpha = 0.25; gamma = 2");
             F::formula_loss(leaf(), labels(), formula).backward();
             leaf().set_grad({});
           });
  add_case({"tensor/focal by tensor operators", static_cast<double>(elements),
            [](const Times& times) { return times.at("tensor/focal built in"); }, 2.5, "the built-in, with backward"},
           [=] {
             const Tensor b = F::binary_cross_entropy_with_logits(leaf(), labels(), {.reduction = Reduction::none});
             const Tensor pt = exp(-b);
             mean(0.25 * pow(1.0 - pt, 2.0) * b).backward();
             leaf().set_grad({});
           });
  add_case({"tensor/focal wholly by tensor operators", static_cast<double>(elements),
            [](const Times& times) { return times.at("tensor/focal built in"); }, 2.5, "the built-in, with backward"},
           [=] {
             const Tensor y = leaf(), t = labels();
             const Tensor b = max(y, 0.0) - t * y + log1p(exp(-abs(y)));
             const Tensor pt = exp(-b);
             mean(0.25 * pow(1.0 - pt, 2.0) * b).backward();
             leaf().set_grad({});
           });
}

void add_small() {
  static std::vector<float> y(1000, 0.5f), t(1000, 0.25f), g(1000);
  add_timing("span/mse of 1000", [] { benchmark::DoNotOptimize(value_and_gradient(Mse{}, y, t, g)); });
  add_case({"tensor/mse of 1000, with backward", 1000, [](const Times& times) { return times.at("span/mse of 1000"); },
            3, "the span form"},
           [] {
             static const Tensor input = Tensor::from(y).set_requires_grad(), target = Tensor::from(t);
             F::mse_loss(input, target).backward();
             input.set_grad({});
           });
}

/// Batches of Fashion-MNIST's size, made of random numbers.
struct Network {
  nn::Sequential model{nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 10)};
  optim::SGD optimizer{model.parameters(), {.lr = 0.01, .momentum = 0.9}};
  data::Dataset data;
  data::DataLoader loader;

  explicit Network(std::int64_t batch)
      : data(data::Dataset::of(Tensor::rand({60000, 784}, 1), argmax(Tensor::rand({60000, 10}, 2), 1))),
        loader(data, {.batch_size = batch, .shuffle = true}) {}

  void epoch() {
    for (auto [inputs, labels] : loader) {
      const Tensor loss = F::cross_entropy(model(inputs), labels);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      benchmark::DoNotOptimize(loss.item());
    }
  }
};

/// The products of the same epoch: two forward, two by the weights, one by the hidden layer.
void products(std::int64_t batch) {
  static std::vector<float> x(128 * 784, 0.5f), w1(256 * 784, 0.5f), h(128 * 256, 0.5f), w2(10 * 256, 0.5f),
      z(128 * 10, 0.5f), out(256 * 784);
  using detail::Matrix;
  for (std::int64_t step = 0; step < 60000 / batch; ++step) {
    detail::gemm(batch, 256, 784, Matrix<float>{x.data(), 784, false}, Matrix<float>{w1.data(), 784, true}, h.data(),
                 256);
    detail::gemm(batch, 10, 256, Matrix<float>{h.data(), 256, false}, Matrix<float>{w2.data(), 256, true}, z.data(),
                 10);
    detail::gemm(10, 256, batch, Matrix<float>{z.data(), 10, true}, Matrix<float>{h.data(), 256, false}, out.data(),
                 256);
    detail::gemm(batch, 256, 10, Matrix<float>{z.data(), 10, false}, Matrix<float>{w2.data(), 256, false}, out.data(),
                 256);
    detail::gemm(256, 784, batch, Matrix<float>{h.data(), 256, true}, Matrix<float>{x.data(), 784, false}, out.data(),
                 784);
  }
}

template <class Body>
auto with_threads(int threads, Body body) {
  return [threads, body] {
    const int before = num_threads();
    set_num_threads(threads);
    body();
    set_num_threads(before);
  };
}

void add_training() {
  for (std::int64_t batch : {128, 32}) {
    const auto epoch = [batch] {
      static std::map<std::int64_t, Network> networks;
      networks.try_emplace(batch, batch).first->second.epoch();
    };
    const std::string name = fmt::format("epoch/batch {}", batch), one = name + ", 1 thread";
    add_timing(one + ", products", with_threads(1, [batch] { products(batch); }));
    add_case({one, 60000, [one](const Times& times) { return times.at(one + ", products"); }, 1.3,
              "its matrix products alone"},
             with_threads(1, epoch));
    add_case({name + ", 2 threads", 60000, [one](const Times& times) { return times.at(one); }, 1.0, "one thread"},
             with_threads(2, epoch));
  }
}

}  // namespace

void add_tensors() {
  add_focal();
  add_small();
  add_training();
}

}  // namespace perdita::bench
