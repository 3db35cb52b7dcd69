// The message of an exception that a call has to throw.
#pragma once

#include <functional>
#include <string>

namespace perdita {

/// What call() throws, as text.
template <class Exception>
std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace perdita
