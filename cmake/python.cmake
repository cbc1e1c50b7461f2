# The extension module rushlight._C, linked from the engine's objects so that a wheel is self-contained.
find_package(Python3 3.10 REQUIRED COMPONENTS Interpreter Development.Module)

file(GLOB_RECURSE binding_sources CONFIGURE_DEPENDS python/src/*.cpp)
if(NOT binding_sources)
  message(STATUS "python/src is empty: no Python module")
  return()
endif()

Python3_add_library(_C MODULE WITH_SOABI ${binding_sources})
set(module_exports "${CMAKE_CURRENT_LIST_DIR}/python_module.map")
target_link_libraries(_C PRIVATE rushlight_objects)
rushlight_precompile(_C "${PROJECT_SOURCE_DIR}/python/src/python.h")
# Only PyInit__C is visible: calls inside the module are direct, and a PyTorch in the same process is not disturbed.
target_link_options(_C PRIVATE "-Wl,--version-script=${module_exports}")
set_target_properties(
  _C PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS "${module_exports}"
                LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/python/rushlight")

add_custom_command(
  OUTPUT "${CMAKE_BINARY_DIR}/stubs.stamp"
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/scripts/write_stubs.py" "$<TARGET_FILE:_C>"
  COMMAND "${CMAKE_COMMAND}" -E touch "${CMAKE_BINARY_DIR}/stubs.stamp"
  DEPENDS _C "${PROJECT_SOURCE_DIR}/scripts/write_stubs.py"
  COMMENT "Writing the types of rushlight._C" VERBATIM)
add_custom_target(rushlight_stubs ALL DEPENDS "${CMAKE_BINARY_DIR}/stubs.stamp")

# What a wheel holds beside the Python sources. Highway comes from a Debian package, which the wheel's user need not
# have: it is carried along.
set(in_wheel DESTINATION rushlight COMPONENT python EXCLUDE_FROM_ALL)
install(DIRECTORY "$<TARGET_FILE_DIR:_C>/_C" ${in_wheel} FILES_MATCHING PATTERN "*.pyi")
get_target_property(highway_location ${highway_library} LOCATION)
file(REAL_PATH "${highway_location}" highway_file)
if(highway_file MATCHES "\\.so")
  install(FILES "${highway_file}" RENAME libhwy.so.1 ${in_wheel})
endif()
set_target_properties(_C PROPERTIES INSTALL_RPATH "$ORIGIN")
install(TARGETS _C LIBRARY ${in_wheel})

# A build tree is an importable package: links to the Python sources beside the module that was just built.
file(GLOB_RECURSE package_files CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/python" python/rushlight/*.py
     python/rushlight/*.pyi python/rushlight/py.typed)
file(GLOB_RECURSE package_links "${CMAKE_BINARY_DIR}/python/*.py" "${CMAKE_BINARY_DIR}/python/*.pyi")
foreach(link IN LISTS package_links)
  if(IS_SYMLINK "${link}" AND NOT EXISTS "${link}")
    file(REMOVE "${link}")
  endif()
endforeach()
foreach(package_file IN LISTS package_files)
  set(link "${CMAKE_BINARY_DIR}/python/${package_file}")
  get_filename_component(directory "${link}" DIRECTORY)
  file(MAKE_DIRECTORY "${directory}")
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/python/${package_file}" "${link}" SYMBOLIC)
endforeach()
