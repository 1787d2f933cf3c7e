# embed_sql(ROOM DIR): the numbered files of DIR become one C table, so the program carries its own schema.
function(embed_sql room dir)
  file(GLOB files CONFIGURE_DEPENDS ${dir}/*.sql)
  set(out ${CMAKE_BINARY_DIR}/embedded_sql.c)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFILES=${files}" -P ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    VERBATIM)
  set(EMBEDDED_${room} ${out} PARENT_SCOPE)
endfunction()
