# What `cmake --install` puts into a prefix: core/ as the CMake package Babilu, and the program.
#
#   include/babilu/core/      headers, which say "babilu/core/..." of each other (docs/CONTRIBUTING.md says why)
#   include/babilu/bundled/   the headers of Boost and Botan, where they came from the cache
#   lib/, lib/cmake/Babilu/   static libraries, and the package that says how to use them
#   bin/babilu
#
# Components: framework (headers, libraries, package), bundled, program. The target babilu_framework builds what the
# first of them needs.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(babilu_package "${CMAKE_INSTALL_LIBDIR}/cmake/Babilu")
set(babilu_bundled "${CMAKE_INSTALL_INCLUDEDIR}/babilu/bundled")
add_custom_target(babilu_framework)

# What was compiled into the libraries must hold for code that includes their headers. In the tree the options of
# Compiler.cmake say the same.
add_library(babilu_flags INTERFACE)
target_compile_features(babilu_flags INTERFACE $<INSTALL_INTERFACE:cxx_std_20>)
target_compile_definitions(babilu_flags INTERFACE $<INSTALL_INTERFACE:_GLIBCXX_ASSERTIONS>)
target_include_directories(babilu_flags INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
if(BABILU_SANITIZE)
  target_compile_definitions(babilu_flags INTERFACE $<INSTALL_INTERFACE:BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=0>)
  target_compile_options(babilu_flags INTERFACE 
    "$<INSTALL_INTERFACE:-fsanitize=${BABILU_SANITIZE};-fno-sanitize=vptr>")
  target_link_options(babilu_flags INTERFACE "$<INSTALL_INTERFACE:-fsanitize=${BABILU_SANITIZE}>")
endif()

# babilu_install_target(target name): exports the target as Babilu::<name>.
function(babilu_install_target target name)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    target_link_libraries(${target} INTERFACE babilu_flags)
  else()
    target_link_libraries(${target} PUBLIC babilu_flags)
  endif()
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS ${target} EXPORT BabiluTargets ARCHIVE COMPONENT framework)
  add_dependencies(babilu_framework ${target})
endfunction()

# The same where it is a library of core/.
function(babilu_install_library target name)
  set(core "${CMAKE_SOURCE_DIR}/core")
  cmake_path(IS_PREFIX core "${CMAKE_CURRENT_SOURCE_DIR}" installed)
  if(installed)
    babilu_install_target(${target} ${name})
  endif()
endfunction()

# babilu_install_without([header...]): leaves these headers of the current folder out.
function(babilu_install_without)
  foreach(header IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH header BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
    if(NOT EXISTS "${header}")
      message(FATAL_ERROR "INTERNAL names ${header}, which is not there")
    endif()
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${CMAKE_SOURCE_DIR}")
    set_property(GLOBAL APPEND PROPERTY babilu_internal_headers "${header}")
  endforeach()
endfunction()

# --- Libraries of others. In the tree they are where Dependencies.cmake found them. ------------------------------
foreach(name threads boost_headers botan sqlite3 soci protobuf cli11 tomlplusplus fmt spdlog prometheus)
  set_target_properties(babilu_${name}_dependency PROPERTIES EXPORT_NAME ${name})
  install(TARGETS babilu_${name}_dependency EXPORT BabiluTargets)
endforeach()
install(TARGETS babilu_flags EXPORT BabiluTargets)
set_target_properties(babilu_flags PROPERTIES EXPORT_NAME flags)

# A system's library is named by its path: it is the one that these were compiled with.
set(babilu_system_files
  "${babilu_sqlite3_library}" "${babilu_soci_core_library}" "${babilu_soci_sqlite3_library}" "${babilu_prometheus_library}")

if(babilu_boost_include STREQUAL "/usr/include")
  set(babilu_boost_header "/usr/include/boost/version.hpp")
else()
  set(babilu_boost_header "\${PACKAGE_PREFIX_DIR}/${babilu_bundled}/boost/version.hpp")
  target_include_directories(babilu_boost_headers_dependency INTERFACE $<INSTALL_INTERFACE:${babilu_bundled}>)
  install(DIRECTORY "${babilu_boost_include}/boost" DESTINATION "${babilu_bundled}" COMPONENT bundled)
endif()

if(babilu_botan_prefix STREQUAL "/usr")
  set(babilu_botan_header "${babilu_botan_include}/botan/build.h")
  list(APPEND babilu_system_files "${babilu_botan_library}")
  target_include_directories(babilu_botan_dependency INTERFACE "$<INSTALL_INTERFACE:${babilu_botan_include}>")
  target_link_libraries(babilu_botan_dependency INTERFACE "$<INSTALL_INTERFACE:${babilu_botan_library}>")
else()
  set(babilu_botan_header "\${PACKAGE_PREFIX_DIR}/${babilu_bundled}/botan/build.h")
  target_include_directories(babilu_botan_dependency INTERFACE $<INSTALL_INTERFACE:${babilu_bundled}>)
  target_link_libraries(babilu_botan_dependency INTERFACE
    "$<INSTALL_INTERFACE:$<INSTALL_PREFIX>/${CMAKE_INSTALL_LIBDIR}/babilu/libbotan-3.a>")
  install(DIRECTORY "${babilu_botan_include}/botan" DESTINATION "${babilu_bundled}" COMPONENT bundled)
  install(FILES "${babilu_botan_library}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/babilu" COMPONENT bundled)
  install(FILES "${babilu_botan_prefix}/license.txt" DESTINATION "${CMAKE_INSTALL_DOCDIR}" RENAME botan-license.txt
    COMPONENT bundled)
endif()

# --- The package ------------------------------------------------------------------------------------------------
configure_package_config_file("${CMAKE_SOURCE_DIR}/cmake/BabiluConfig.cmake.in"
  "${CMAKE_BINARY_DIR}/BabiluConfig.cmake" INSTALL_DESTINATION "${babilu_package}")
# Before 1.0 a minor version may change everything.
write_basic_package_version_file("${CMAKE_BINARY_DIR}/BabiluConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/BabiluConfig.cmake" "${CMAKE_BINARY_DIR}/BabiluConfigVersion.cmake"
  DESTINATION "${babilu_package}" COMPONENT framework)
install(EXPORT BabiluTargets NAMESPACE Babilu:: DESTINATION "${babilu_package}" COMPONENT framework)

# After the last library: the headers.
function(babilu_install_headers)
  get_property(internal GLOBAL PROPERTY babilu_internal_headers)
  install(CODE "
    set(source \"${CMAKE_SOURCE_DIR}\")
    set(generated \"${babilu_generated}\")
    set(internal \"${internal}\")
    set(destination \"${CMAKE_INSTALL_INCLUDEDIR}/babilu\")
    include(\"${CMAKE_SOURCE_DIR}/cmake/install_headers.cmake\")" COMPONENT framework)
endfunction()
