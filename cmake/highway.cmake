# Google Highway and the SIMD targets that its dynamic dispatch compiles each kernel file for, as rushlight_highway.
find_package(hwy 1.0.3 QUIET CONFIG)
if(TARGET hwy::hwy)
  set(highway_library hwy::hwy)
else()
  find_path(HWY_INCLUDE_DIR hwy/highway.h)
  find_library(HWY_LIBRARY hwy)
  if(NOT HWY_INCLUDE_DIR OR NOT HWY_LIBRARY)
    message(FATAL_ERROR "Google Highway (1.0.3 or newer) is missing: apt-get install libhwy-dev")
  endif()
  add_library(rushlight_hwy UNKNOWN IMPORTED)
  set_target_properties(
    rushlight_hwy PROPERTIES IMPORTED_LOCATION "${HWY_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${HWY_INCLUDE_DIR}")
  set(highway_library rushlight_hwy)
endif()

add_library(rushlight_highway INTERFACE)
target_link_libraries(rushlight_highway INTERFACE ${highway_library})

# Highway compiles the static target (the best of HWY_BASELINE_TARGETS) and every better one that is not disabled.
# Each costs a compilation of every kernel file, so there are three on x86: SSE4, AVX2 and AVX-512.
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
if(processor MATCHES "^(x86_64|amd64)$")
  if(RUSHLIGHT_DEV)
    target_compile_definitions(
      rushlight_highway INTERFACE HWY_BASELINE_TARGETS=HWY_AVX2
                                  "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4|HWY_AVX3|HWY_AVX3_DL)")
  else()
    target_compile_definitions(
      rushlight_highway INTERFACE HWY_BASELINE_TARGETS=HWY_SSE4 "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_AVX3_DL)")
  endif()
elseif(processor MATCHES "^(aarch64|arm64)$")
  target_compile_definitions(
    rushlight_highway INTERFACE "HWY_DISABLED_TARGETS=(HWY_SVE|HWY_SVE_256|HWY_SVE2|HWY_SVE2_128)")
endif()
