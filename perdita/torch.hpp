// The losses on tensors of LibTorch, with its autograd: perdita::libtorch.
//
//     #include <perdita/torch.hpp>
//     #include <torch/torch.h>
//     namespace F = perdita::libtorch;
//
//     F::cross_entropy(logits, labels, {.label_smoothing = 0.1}).backward();
//     F::loss("focal:gamma=2")(logits, labels).backward();
//     F::elementwise([](auto y, auto t) { return log_cosh(y - t); })(output, target).backward();
//
// Perdita itself does not depend on LibTorch: a program that includes this header links perdita::perdita and torch.
// The namespace is not perdita::torch, because torch:: would then mean that one after `using namespace perdita`.
#pragma once

#include "perdita/libtorch/functional.hpp"
#include "perdita/libtorch/options.hpp"
