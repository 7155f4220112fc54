# How the project's own targets are made. A name without "::" in DEPENDS is one of the project's libraries.

include(GoogleTest)
include(Install)

option(BABILU_PRECOMPILE "Use a precompiled header" ON)
set(babilu_generated "${CMAKE_BINARY_DIR}/generated")

function(babilu_link target scope)
  foreach(dependency IN LISTS ARGN)
    if(NOT dependency MATCHES "::")
      set(dependency "babilu::${dependency}")
    endif()
    target_link_libraries(${target} ${scope} ${dependency})
  endforeach()
endfunction()

function(babilu_precompile target from)
  if(TARGET ${from})
    target_precompile_headers(${target} REUSE_FROM ${from})
    target_link_libraries(${target} PRIVATE babilu::boost babilu::fmt)  # what the header includes
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# babilu_library(NAME core_net [SOURCES net.cpp ...] [DEPENDS core_runtime babilu::boost ...] [PRIVATE_DEPENDS ...]
#                [INTERNAL poller.h ...])
#
# A static library babilu::<NAME>, or an interface where there are no sources. Includes start at the root of the tree.
# PRIVATE_DEPENDS are those that the library's headers do not show. What lies in core/ is installed (Install.cmake), with
# all its headers but those that are INTERNAL, which only sources of the same library include.
function(babilu_library)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPENDS;PRIVATE_DEPENDS;INTERNAL" ${ARGN})
  babilu_check_arguments(babilu_library)
  set(target babilu_${ARG_NAME})
  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    babilu_link(${target} PRIVATE ${ARG_PRIVATE_DEPENDS})
    babilu_precompile(${target} babilu_precompiled)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(babilu::${ARG_NAME} ALIAS ${target})
  target_include_directories(${target} ${scope} "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>")
  babilu_link(${target} ${scope} ${ARG_DEPENDS})
  babilu_install_library(${target} ${ARG_NAME})
  babilu_install_without(${ARG_INTERNAL})
endfunction()

# babilu_proto(NAME roles_api_proto FILES vault.proto ...)
#
# A static library of generated messages, included as "roles/api/vault.pb.h". Imports start at the root of the tree.
# The target babilu_generate writes the code without compiling it.
add_custom_target(babilu_generate)
function(babilu_proto)
  cmake_parse_arguments(ARG "" "NAME" "FILES" ${ARGN})
  babilu_check_arguments(babilu_proto)
  set(sources)
  set(headers)
  foreach(file IN LISTS ARG_FILES)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" OUTPUT_VARIABLE path)
    cmake_path(REPLACE_EXTENSION path LAST_ONLY "pb" OUTPUT_VARIABLE stem)
    set(output "${babilu_generated}/${stem}")
    add_custom_command(
      OUTPUT "${output}.cc" "${output}.h"
      COMMAND protobuf::protoc "--cpp_out=${babilu_generated}" "--proto_path=${CMAKE_SOURCE_DIR}"
              "--dependency_out=${output}.d" "${file}"
      DEPENDS "${file}" DEPFILE "${output}.d"
      COMMENT "Generating ${stem}.h" VERBATIM)
    list(APPEND sources "${output}.cc")
    list(APPEND headers "${output}.h")
  endforeach()
  add_custom_target(babilu_${ARG_NAME}_generate DEPENDS ${headers})
  add_dependencies(babilu_generate babilu_${ARG_NAME}_generate)
  file(MAKE_DIRECTORY "${babilu_generated}")
  add_library(babilu_${ARG_NAME} STATIC ${sources})
  add_library(babilu::${ARG_NAME} ALIAS babilu_${ARG_NAME})
  target_compile_options(babilu_${ARG_NAME} PRIVATE -w)
  target_include_directories(babilu_${ARG_NAME} SYSTEM PUBLIC "$<BUILD_INTERFACE:${babilu_generated}>")
  babilu_link(babilu_${ARG_NAME} PUBLIC babilu::protobuf)
  babilu_install_library(babilu_${ARG_NAME} ${ARG_NAME})
endfunction()

# A test program itself is not optimised (what it tests is): that takes a fifth off a full release build.
set(babilu_test_options -O0 -U_FORTIFY_SOURCE)

# babilu_test(NAME core_net_test SOURCES net_test.cpp ... DEPENDS core_net ... [LABELS integration] [TIMEOUT seconds])
#
# A GoogleTest program; each of its cases is a ctest test. It is asked for its cases when ctest runs, not when it is
# built; that way takes one label only (unit). The target babilu_tests_LABEL builds all of a label. TIMEOUT bounds one
# case, and is there to end a hang, not to judge speed: a long run must fit in as well.
function(babilu_test)
  cmake_parse_arguments(ARG "" "NAME;LABELS;TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  babilu_check_arguments(babilu_test)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_include_directories(${ARG_NAME} PRIVATE "${CMAKE_SOURCE_DIR}")
  babilu_link(${ARG_NAME} PRIVATE ${ARG_DEPENDS} babilu::gtest)
  babilu_precompile(${ARG_NAME} babilu_precompiled_test)
  target_compile_options(${ARG_NAME} PRIVATE ${babilu_test_options})
  foreach(label IN LISTS ARG_LABELS)
    if(NOT TARGET babilu_tests_${label})
      add_custom_target(babilu_tests_${label})
    endif()
    add_dependencies(babilu_tests_${label} ${ARG_NAME})
  endforeach()
  babilu_list_tests(program ${ARG_NAME} ${ARG_SOURCES})
  gtest_discover_tests(${ARG_NAME} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# babilu_list_tests(program TARGET SOURCE...) or (test NAME [TARGET...]): what must be built for a test, for
# `tools/dev test -R`, which looks for the names of a program's tests in its sources. Each test that ctest knows is named
# in one of the two ways.
function(babilu_list_tests kind name)
  set(line ${kind} ${name})
  foreach(entry IN LISTS ARGN)
    if(kind STREQUAL "program")
      cmake_path(ABSOLUTE_PATH entry BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    endif()
    list(APPEND line "${entry}")
  endforeach()
  list(JOIN line "\t" line)
  set_property(GLOBAL APPEND_STRING PROPERTY babilu_test_list "${line}\n")
endfunction()

# After the last test.
function(babilu_write_test_list)
  get_property(content GLOBAL PROPERTY babilu_test_list)
  file(WRITE "${CMAKE_BINARY_DIR}/tests.tsv" "${content}")
endfunction()

macro(babilu_check_arguments function)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${function}: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  elseif(NOT ARG_NAME)
    message(FATAL_ERROR "${function}: NAME is missing")
  endif()
endmacro()

# Asio and Beast are compiled once, here; everyone else sees declarations. Linking babilu::boost brings both.
set(babilu_asio_sources "${CMAKE_SOURCE_DIR}/core/runtime/asio.cpp")
if(EXISTS "${CMAKE_SOURCE_DIR}/core/admin/beast.cpp")
  list(APPEND babilu_asio_sources "${CMAKE_SOURCE_DIR}/core/admin/beast.cpp")
endif()
add_library(babilu_asio STATIC ${babilu_asio_sources})
add_library(babilu::asio ALIAS babilu_asio)
target_link_libraries(babilu_asio PUBLIC babilu::boost_headers)
add_library(babilu_boost INTERFACE)
add_library(babilu::boost ALIAS babilu_boost)
target_link_libraries(babilu_boost INTERFACE babilu::asio)
babilu_install_target(babilu_asio asio)
babilu_install_target(babilu_boost boost)

# A precompiled header saves two seconds of every file that touches Asio. One serves all targets: they are compiled with
# the same flags. Only with clang, which lets targets differ in definitions that the header does not look at.
if(BABILU_PRECOMPILE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  foreach(kind precompiled precompiled_test)
    file(CONFIGURE OUTPUT "${babilu_generated}/${kind}.cpp" CONTENT "// Carries ${kind}.h; see cmake/Targets.cmake.\n")
    add_library(babilu_${kind} OBJECT "${babilu_generated}/${kind}.cpp")
    target_link_libraries(babilu_${kind} PRIVATE babilu::boost_headers babilu::fmt)
    target_compile_options(babilu_${kind} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(babilu_${kind} PRIVATE "${CMAKE_SOURCE_DIR}/cmake/${kind}.h")
  endforeach()
  target_link_libraries(babilu_precompiled_test PRIVATE babilu::gtest)
  target_compile_options(babilu_precompiled_test PRIVATE ${babilu_test_options})
endif()
