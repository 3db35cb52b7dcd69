// All headers about tensors.
#pragma once

#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/operators.hpp"
#include "perdita/tensor/tensor.hpp"
