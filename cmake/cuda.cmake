# The CUDA kernels: a shared library of their own, so that everything else neither needs nvcc nor loads the driver.
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "nvcc is missing: install the CUDA toolkit (13.0 was tried) and put its bin folder on PATH, "
                      "or name it with -DCMAKE_CUDA_COMPILER=/path/to/nvcc")
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES "${RUSHLIGHT_CUDA_ARCHITECTURES}")
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25.1 does not know that nvcc has C++20.
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()

file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS rushlight/kernels/cuda/*.cu rushlight/kernels/cuda/*.cpp)
if(NOT cuda_sources)
  message(FATAL_ERROR "rushlight/kernels/cuda holds no sources")
endif()
add_library(rushlight_cuda SHARED ${cuda_sources})
target_include_directories(rushlight_cuda PRIVATE "${PROJECT_SOURCE_DIR}")
target_compile_options(
  rushlight_cuda PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;--extended-lambda>")
set_target_properties(
  rushlight_cuda PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON VERSION ${PROJECT_VERSION}
                            SOVERSION ${PROJECT_VERSION_MAJOR})
