# cmake --install: librushlight, its headers and the CMake package behind find_package(rushlight).
include(CMakePackageConfigHelpers)
set(package_directory "${CMAKE_INSTALL_LIBDIR}/cmake/rushlight")

set(installed_targets rushlight)
if(TARGET rushlight_cuda)
  list(APPEND installed_targets rushlight_cuda)
endif()
install(TARGETS ${installed_targets} EXPORT rushlight-targets)
# The kernels' -inl.h files belong to the SIMD targets' own compilation and are of no use outside.
install(
  DIRECTORY rushlight
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING
  PATTERN "*.h"
  PATTERN "*.def"
  PATTERN "*-inl.h" EXCLUDE
  PATTERN "kernels/cuda" EXCLUDE)
install(EXPORT rushlight-targets NAMESPACE rushlight:: DESTINATION "${package_directory}")

configure_package_config_file(cmake/rushlight-config.cmake.in "${CMAKE_BINARY_DIR}/rushlight-config.cmake"
                              INSTALL_DESTINATION "${package_directory}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/rushlight-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/rushlight-config.cmake" "${CMAKE_BINARY_DIR}/rushlight-config-version.cmake"
        DESTINATION "${package_directory}")
