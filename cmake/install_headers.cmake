# Run by `cmake --install`: copies the headers of core/ from the trees `source` and `generated` to `destination` in the
# prefix, but for those that are `internal`. There they include each other as users do, as "babilu/core/...": a folder
# core/ of the user's own does not get in the way.

set(folder "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/${destination}")
message(STATUS "Installing: ${folder}/core")
foreach(tree IN ITEMS "${source}" "${generated}")
  file(GLOB_RECURSE headers RELATIVE "${tree}" "${tree}/core/*.h")
  list(REMOVE_ITEM headers ${internal})
  foreach(header IN LISTS headers)
    file(READ "${tree}/${header}" content)
    string(REPLACE "#include \"core/" "#include \"babilu/core/" content "${content}")
    set(old "")
    if(EXISTS "${folder}/${header}")
      file(READ "${folder}/${header}" old)
    endif()
    if(NOT content STREQUAL old)
      file(WRITE "${folder}/${header}" "${content}")
      file(CHMOD "${folder}/${header}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    endif()
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${CMAKE_INSTALL_PREFIX}/${destination}/${header}")
  endforeach()
endforeach()
