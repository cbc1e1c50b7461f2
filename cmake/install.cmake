# cmake --install: librushlight, its headers and the CMake package behind find_package(rushlight).
include(CMakePackageConfigHelpers)
set(package_directory "${CMAKE_INSTALL_LIBDIR}/cmake/rushlight")

set(installed_targets rushlight)
if(TARGET rushlight_cuda)
  list(APPEND installed_targets rushlight_cuda)
endif()
install(TARGETS ${installed_targets} EXPORT rushlight-targets)
install(DIRECTORY rushlight DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.def")
foreach(header IN LISTS installed_headers)
  cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE relative)
  cmake_path(GET relative PARENT_PATH directory)
  install(FILES "${header}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/${directory}")
endforeach()
install(EXPORT rushlight-targets NAMESPACE rushlight:: DESTINATION "${package_directory}")

configure_package_config_file(cmake/rushlight-config.cmake.in "${CMAKE_BINARY_DIR}/rushlight-config.cmake"
                              INSTALL_DESTINATION "${package_directory}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/rushlight-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/rushlight-config.cmake" "${CMAKE_BINARY_DIR}/rushlight-config-version.cmake"
        DESTINATION "${package_directory}")
