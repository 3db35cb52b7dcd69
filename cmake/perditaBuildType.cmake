# A project that sets no build type compiles without optimization, of which nothing else would tell.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND NOT CMAKE_CXX_FLAGS MATCHES "(^| )-O")
  message(WARNING "perdita: CMAKE_BUILD_TYPE is not set, so formulas are compiled without optimization and run about "
    "25 times slower. Configure with -DCMAKE_BUILD_TYPE=Release.")
endif()
