# One babilu::<name> target for each library that the project stands on. Code links these names only.
#
# A library comes from the system where its version fits. Boost and Botan otherwise come from a per-user cache
# that `tools/dev setup` fills: ${BABILU_CACHE}, else ${XDG_CACHE_HOME}/babilu, else ~/.cache/babilu.

if(DEFINED ENV{BABILU_CACHE})
  set(babilu_cache "$ENV{BABILU_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(babilu_cache "$ENV{XDG_CACHE_HOME}/babilu")
else()
  set(babilu_cache "$ENV{HOME}/.cache/babilu")
endif()
set(babilu_setup_hint "Run `tools/dev setup`, which installs what the build needs.")

# Reads NAME="value" from the file that tools/dev reads the same values from.
set(babilu_recipe "${CMAKE_SOURCE_DIR}/tools/dev.d/dependencies.conf")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${babilu_recipe}")
function(babilu_recipe_value name result)
  file(STRINGS "${babilu_recipe}" line REGEX "^${name}=")
  string(REGEX REPLACE "^${name}=\"?([^\"]*)\"?$" "\\1" value "${line}")
  set(${result} "${value}" PARENT_SCOPE)
endfunction()

# The value of a version macro in a header, or "" where there is none.
function(babilu_header_value header macro result)
  set(value "")
  if(EXISTS "${header}")
    file(STRINGS "${header}" line REGEX "^#[ \t]*define[ \t]+${macro}[ \t]" LIMIT_COUNT 1)
    string(REGEX REPLACE "^#[ \t]*define[ \t]+${macro}[ \t]+\"?([^\" \t]*).*" "\\1" value "${line}")
  endif()
  set(${result} "${value}" PARENT_SCOPE)
endfunction()

# babilu_dependency(name [TARGETS imported...] [INCLUDES folder...] [LIBRARIES file...]): an interface library whose
# headers count as system headers, so that they give no warnings.
function(babilu_dependency name)
  cmake_parse_arguments(ARG "" "" "TARGETS;INCLUDES;LIBRARIES" ${ARGN})
  add_library(babilu_${name}_dependency INTERFACE)
  add_library(babilu::${name} ALIAS babilu_${name}_dependency)
  target_link_libraries(babilu_${name}_dependency INTERFACE ${ARG_TARGETS} ${ARG_LIBRARIES})
  target_include_directories(babilu_${name}_dependency SYSTEM INTERFACE ${ARG_INCLUDES})
endfunction()

macro(babilu_find_package)
  find_package(${ARGN} QUIET)
  if(NOT ${ARGV0}_FOUND)
    message(FATAL_ERROR "${ARGV0} is missing. ${babilu_setup_hint}")
  endif()
endmacro()

function(babilu_find_library variable library header)
  find_library(babilu_${variable}_library NAMES ${library})
  find_path(babilu_${variable}_include NAMES ${header})
  if(NOT babilu_${variable}_library OR NOT babilu_${variable}_include)
    message(FATAL_ERROR "${library} with ${header} is missing. ${babilu_setup_hint}")
  endif()
endfunction()

find_package(Threads REQUIRED)
babilu_dependency(threads TARGETS Threads::Threads)

# --- Boost: headers only. Asio and Beast are compiled once, in babilu::asio (Targets.cmake). ---------------------
babilu_recipe_value(boost_version babilu_boost_version)
foreach(candidate /usr/include "${babilu_cache}/boost-${babilu_boost_version}/include")
  babilu_header_value("${candidate}/boost/version.hpp" BOOST_VERSION version)
  if(version AND version GREATER_EQUAL 108800)
    set(babilu_boost_include "${candidate}")
    break()
  endif()
endforeach()
if(NOT babilu_boost_include)
  message(FATAL_ERROR "Boost 1.88 or later is missing. ${babilu_setup_hint}")
endif()
message(STATUS "Boost ${version}: ${babilu_boost_include}")
babilu_dependency(boost_headers TARGETS Threads::Threads)
set(babilu_boost_number "${version}")
if(NOT babilu_boost_include STREQUAL "/usr/include")
  target_include_directories(babilu_boost_headers_dependency SYSTEM INTERFACE
    "$<BUILD_INTERFACE:${babilu_boost_include}>")
endif()
target_compile_definitions(babilu_boost_headers_dependency INTERFACE
  BOOST_ALL_NO_LIB BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION)

# --- Botan ------------------------------------------------------------------------------------------------------
babilu_recipe_value(botan_minimum babilu_botan_minimum)
file(SHA256 "${babilu_recipe}" babilu_botan_key)
string(SUBSTRING "${babilu_botan_key}" 0 12 babilu_botan_key)
set(babilu_botan_link "${babilu_cache}/botan-${babilu_botan_key}")
foreach(candidate /usr "${babilu_botan_link}")
  set(header "${candidate}/include/botan-3/botan/build.h")
  babilu_header_value("${header}" BOTAN_VERSION_MAJOR major)
  babilu_header_value("${header}" BOTAN_VERSION_MINOR minor)
  if(minor AND "${major}.${minor}" VERSION_GREATER_EQUAL babilu_botan_minimum)
    set(babilu_botan_prefix "${candidate}")
    break()
  endif()
endforeach()
if(NOT babilu_botan_prefix)
  message(FATAL_ERROR "Botan ${babilu_botan_minimum} or later is missing. ${babilu_setup_hint} "
    "On Debian 13 it comes from the security updates: trixie-security must be among apt's sources.")
elseif(babilu_botan_prefix STREQUAL "/usr")
  babilu_find_library(botan botan-3 botan-3/botan/build.h)
  set(babilu_botan_include "${babilu_botan_include}/botan-3")
else()
  # By the name of its version, so that all is compiled anew when the link points to a newer one.
  file(REAL_PATH "${babilu_botan_link}" babilu_botan_prefix)
  set(babilu_botan_include "${babilu_botan_prefix}/include/botan-3")
  set(babilu_botan_library "${babilu_botan_prefix}/lib/libbotan-3.a")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${babilu_botan_link}/lib/libbotan-3.a")
endif()
message(STATUS "Botan ${major}.${minor}: ${babilu_botan_library}")
set(babilu_botan_minor "${minor}")
babilu_dependency(botan
  INCLUDES "$<BUILD_INTERFACE:${babilu_botan_include}>"
  LIBRARIES "$<BUILD_INTERFACE:${babilu_botan_library}>" Threads::Threads)

# --- The database -----------------------------------------------------------------------------------------------
babilu_find_library(sqlite3 sqlite3 sqlite3.h)
babilu_dependency(sqlite3 LIBRARIES "${babilu_sqlite3_library}")

babilu_find_library(soci_core soci_core soci/soci.h)
babilu_find_library(soci_sqlite3 soci_sqlite3 soci/sqlite3/soci-sqlite3.h)
babilu_dependency(soci LIBRARIES "${babilu_soci_sqlite3_library}" "${babilu_soci_core_library}" babilu::sqlite3)

# Optional: without it the store speaks SQLite alone.
find_library(babilu_soci_postgresql_library soci_postgresql)
find_library(babilu_pq_library pq)
find_path(babilu_pq_include libpq-fe.h PATH_SUFFIXES postgresql)
if(babilu_soci_postgresql_library AND babilu_pq_library AND babilu_pq_include)
  babilu_dependency(soci_postgresql
    INCLUDES "${babilu_pq_include}"
    LIBRARIES "${babilu_soci_postgresql_library}" "${babilu_pq_library}" babilu::soci)
endif()

# --- Everything else --------------------------------------------------------------------------------------------
babilu_find_package(Protobuf 3.21)
babilu_dependency(protobuf TARGETS protobuf::libprotobuf)

babilu_find_package(CLI11)
babilu_dependency(cli11 TARGETS CLI11::CLI11)

babilu_find_package(tomlplusplus)
babilu_dependency(tomlplusplus TARGETS tomlplusplus::tomlplusplus)

babilu_find_package(fmt)
babilu_dependency(fmt TARGETS fmt::fmt)
babilu_find_package(spdlog)
babilu_dependency(spdlog TARGETS spdlog::spdlog fmt::fmt)

# Not by its CMake package, which insists on the libraries of the parts that are not used (civetweb, curl).
babilu_find_library(prometheus prometheus-cpp-core prometheus/registry.h)
babilu_dependency(prometheus INCLUDES "${babilu_prometheus_include}" LIBRARIES "${babilu_prometheus_library}")

babilu_find_package(GTest)
babilu_dependency(gtest TARGETS GTest::gtest_main GTest::gmock)

babilu_find_package(benchmark)
babilu_dependency(gbenchmark TARGETS benchmark::benchmark)
