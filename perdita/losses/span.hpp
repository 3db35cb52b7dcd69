// Losses of spans: the value is returned, the gradient written into a span. No tensors are used.
//
//     value(formula, input, target), values(...), value_and_gradient(...)               elements: a loss or a lambda
//     value_and_gradient(CrossEntropy{}, logits, labels, gradient)                      rows of classes, with indices
//     value_and_gradient(CrossEntropy{}, logits, classes, probabilities, gradient)      the same with distributions
//     value_and_gradient(TripletMargin{}, {anchors, positives, negatives}, size, ...)   vectors and scores
//     value_and_gradient(Dice{}, logits, targets, pixels, gradient)                     masks
#pragma once

#include "perdita/losses/span/classes.hpp"
#include "perdita/losses/span/comparing.hpp"
#include "perdita/losses/span/elements.hpp"
#include "perdita/losses/span/masks.hpp"
