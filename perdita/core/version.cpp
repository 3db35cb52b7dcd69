#include "perdita/core/version.hpp"

namespace perdita {

std::string_view version() { return PERDITA_VERSION; }

}  // namespace perdita
