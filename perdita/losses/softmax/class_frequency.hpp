// Data of a class for losses of class frequencies.
#pragma once

namespace perdita {

/// Numbers, or symbols for them.
template <class Number = double>
struct ClassFrequency {
  Number count;     ///< of the class's samples in training
  Number total;     ///< of all classes
  Number smallest;  ///< count of a class that has samples
};

}  // namespace perdita
