# Writes a .cpp that holds files as arrays and lists them as the dashboard's assets.
#
#   cmake -D "FILES=a;b" -D OUTPUT=assets.cpp -P embed.cmake

set(types_html "text/html; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")

set(arrays "")
set(entries "")
set(number 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  get_filename_component(extension "${file}" LAST_EXT)
  string(SUBSTRING "${extension}" 1 -1 extension)
  if(NOT types_${extension})
    message(FATAL_ERROR "embed.cmake: no content type for ${file}")
  endif()
  set(path "/${name}")
  if(name STREQUAL "index.html")
    set(path "/")
  endif()
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char file_${number}[] = {${bytes}};\n")
  string(APPEND entries
    "    {\"${path}\", \"${types_${extension}}\", {file_${number}, sizeof file_${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE "${OUTPUT}" "// Made of core/admin/dashboard by core/admin/embed.cmake.
#include \"core/admin/dashboard.h\"

namespace babilu::admin {

namespace {

${arrays}
constexpr Asset assets[] = {
${entries}};

}  // namespace

std::span<const Asset> dashboard_assets() noexcept { return assets; }

}  // namespace babilu::admin
")
