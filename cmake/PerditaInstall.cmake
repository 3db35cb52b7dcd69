# cmake --install: headers, library, command line, and the packages through which others find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(PERDITA_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/perdita)
install(TARGETS perdita EXPORT perditaTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY perdita DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
if(TARGET perdita_cli)
  install(TARGETS perdita_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

install(EXPORT perditaTargets NAMESPACE perdita:: DESTINATION ${PERDITA_PACKAGE_DIR})
configure_package_config_file(cmake/perditaConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/perditaConfig.cmake
  INSTALL_DESTINATION ${PERDITA_PACKAGE_DIR})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/perditaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/perditaConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/perditaConfigVersion.cmake
  cmake/FindMPFR.cmake cmake/FindOneDNN.cmake cmake/perditaBuildType.cmake DESTINATION ${PERDITA_PACKAGE_DIR})

# A static library is nothing without what it uses; a shared one brings it along.
set(PERDITA_PC_USES "-lmpfr -lgmp -lz -ldl ${OpenMP_CXX_FLAGS}")
if(PERDITA_WITH_ONEDNN)
  string(PREPEND PERDITA_PC_USES "-ldnnl ")
endif()
if(BUILD_SHARED_LIBS)
  set(PERDITA_PC_LIBS "")
  set(PERDITA_PC_LIBS_PRIVATE ${PERDITA_PC_USES})
else()
  set(PERDITA_PC_LIBS ${PERDITA_PC_USES})
  set(PERDITA_PC_LIBS_PRIVATE "")
endif()
# Relative to the .pc file, so that an installed tree can be moved.
file(RELATIVE_PATH PERDITA_PC_PREFIX /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
configure_file(cmake/perdita.pc.in ${CMAKE_CURRENT_BINARY_DIR}/perdita.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/perdita.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
