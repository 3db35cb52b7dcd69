// Data of a class for losses of class frequencies.
#pragma once

namespace perdita {

struct ClassFrequency {
  double count;     ///< of the class's samples in training
  double total;     ///< of all classes
  double smallest;  ///< count of a class that has samples
};

}  // namespace perdita
