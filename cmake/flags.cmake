# Flags of every translation unit of the project, as the interface of rushlight_flags. They stay inside the build:
# nothing of this is exported to those who link the library.
add_library(rushlight_flags INTERFACE)

# No -ffast-math: NaN, infinities and signed zeros are part of the contract. errno and trap handlers are not.
# Contraction is off so that the SIMD targets with and without FMA round alike; kernels ask for MulAdd where they
# want it.
target_compile_options(
  rushlight_flags INTERFACE -Wall -Wextra -fno-math-errno -fno-trapping-math -ffp-contract=off
                            -fno-semantic-interposition -fdiagnostics-color=auto)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(rushlight_flags INTERFACE -Wno-psabi)  # Vectors never cross the library's interface.
endif()
# Views over initializer lists are meant for arguments, and a designated initializer may leave the rest to defaults.
target_compile_options(
  rushlight_flags INTERFACE -Wno-missing-field-initializers $<$<CXX_COMPILER_ID:GNU>:-Wno-init-list-lifetime>)
target_link_options(rushlight_flags INTERFACE -Wl,--as-needed)

if(RUSHLIGHT_SANITIZE)
  target_compile_options(
    rushlight_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_compile_definitions(rushlight_flags INTERFACE RUSHLIGHT_SANITIZE=1)
  target_link_options(rushlight_flags INTERFACE -fsanitize=address,undefined)
endif()
