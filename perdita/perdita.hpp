// All of Perdita's library.
#pragma once

#include "perdita/data/loader.hpp"
#include "perdita/data/sampler.hpp"
#include "perdita/data/source.hpp"
#include "perdita/data/split.hpp"
#include "perdita/data/synthetic.hpp"
#include "perdita/losses/any.hpp"
#include "perdita/losses/span.hpp"
#include "perdita/nn/layers.hpp"
#include "perdita/nn/losses.hpp"
#include "perdita/nn/model_file.hpp"
#include "perdita/optim/adam.hpp"
#include "perdita/optim/sgd.hpp"
#include "perdita/tensor/all.hpp"
#include "perdita/tensor/functional.hpp"
#include "perdita/tensor/pair_loss.hpp"
