# embed_sql(ROOM DIR): the numbered files of DIR become one C table, so the program carries its own schema, and the files
# of its folders another one. Two files of one number end the build here: the program would refuse to start.
function(embed_sql room dir)
  file(GLOB files CONFIGURE_DEPENDS ${dir}/*.sql)
  set(before none)
  foreach(file ${files})
    get_filename_component(name ${file} NAME)
    string(SUBSTRING ${name} 0 4 number)
    if(number STREQUAL before)
      message(FATAL_ERROR "${dir}: two files have the number ${number}; the one that came later takes the next")
    endif()
    set(before ${number})
  endforeach()
  file(GLOB apart CONFIGURE_DEPENDS ${dir}/*/*.sql)
  set(out ${CMAKE_BINARY_DIR}/embedded_sql.c)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFILES=${files}" "-DAPART=${apart}" -P ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    DEPENDS ${files} ${apart} ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    VERBATIM)
  set(EMBEDDED_${room} ${out} PARENT_SCOPE)
endfunction()
