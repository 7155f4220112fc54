# The compiler: which ones are trusted, how strict they are, and what each build type means.
#
#   BABILU_WERROR    warnings are errors (on in every preset)
#   BABILU_SANITIZE  "address,undefined" or "thread"; empty for none
#
# Assertions stay on in every build type: NDEBUG is never defined.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR
    "GCC ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines. Use clang 19 (the default of the presets: "
    "cmake --preset release; tools/dev setup installs it), or GCC 14.")
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 17)
  message(FATAL_ERROR
    "clang ${CMAKE_CXX_COMPILER_VERSION} is too old for this code. Use clang 19 (cmake --preset release; "
    "tools/dev setup installs it), or GCC 14.")
elseif(NOT CMAKE_CXX_COMPILER_ID MATCHES "^(GNU|Clang|AppleClang)$")
  message(FATAL_ERROR "Unknown compiler ${CMAKE_CXX_COMPILER_ID}. Use clang 19 or GCC 14.")
endif()

option(BABILU_WERROR "Treat warnings as errors" OFF)
set(BABILU_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g")
set(CMAKE_C_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
set(CMAKE_C_FLAGS_DEBUG "${CMAKE_CXX_FLAGS_DEBUG}")

add_compile_options(
  -Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers
  -fPIE -fno-omit-frame-pointer -fstack-protector-strong
  # Paths in assertions, logs and debug information start at the root of the tree, whoever builds it.
  "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
if(BABILU_WERROR)
  # A newer library may deprecate what the oldest one that must do still needs.
  add_compile_options(-Werror -Wno-error=deprecated-declarations)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # It takes the protected destructor of boost::system::error_category for one that callers can reach.
  add_compile_options(-Wno-non-virtual-dtor)
  # False alarms of GCC's flow analysis inside inlined library code.
  add_compile_options(-Wno-maybe-uninitialized -Wno-dangling-reference -Wno-stringop-overflow
                      -Wno-array-bounds -Wno-restrict -Wno-mismatched-new-delete)
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS)

if(BABILU_SANITIZE)
  add_compile_options("-fsanitize=${BABILU_SANITIZE}" -fno-sanitize-recover=all)
  add_link_options("-fsanitize=${BABILU_SANITIZE}")
  add_compile_options(-g1)  # a trace needs lines, and no variables
  # The vptr check needs type information that the shared library of SOCI does not export.
  add_compile_options(-fno-sanitize=vptr)
  # Asio keeps freed coroutine frames and handlers for the next ones, where no sanitizer sees that they are used still.
  add_compile_definitions(BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=0)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
endif()
add_link_options(-pie -Wl,--gc-sections -Wl,--as-needed)

find_program(BABILU_CCACHE ccache)
if(BABILU_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness that ccache asks for where headers are precompiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    "${CMAKE_COMMAND}" -E env
    "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
    "${BABILU_CCACHE}")
endif()
