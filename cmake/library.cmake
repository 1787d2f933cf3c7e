# parser_library(): libctvigil-parser, shared and static, for other programs: the room lib over the room parser and the
# few words of model and base that it needs, compiled once more as CTVIGIL_BARE. What those words bring along and nobody
# asks for (text for log lines, arenas) is left out by the linker; tests/lib/installed.sh looks whether it is.
#
# It is built without sanitizers and coverage in every preset: what is tested as the library is what gets installed, and
# the same sources are tested with them as the rooms.
include(GNUInstallDirs)
set(PARSER_SOVERSION 0)

function(parser_library)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lib/*.c ${CMAKE_SOURCE_DIR}/parser/*.c)
  # Needs memory, libidn2 and libpsl.
  list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/parser/names.c)
  foreach(file model/cert.c model/finding.c base/text.c)
    list(APPEND sources ${CMAKE_SOURCE_DIR}/${file})
  endforeach()
  add_library(ctvigil_parser_objects OBJECT ${sources})
  target_include_directories(ctvigil_parser_objects PRIVATE ${CMAKE_BINARY_DIR}/view/lib)
  target_compile_definitions(ctvigil_parser_objects PRIVATE CTVIGIL_BARE)
  set_target_properties(ctvigil_parser_objects PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden
    COMPILE_OPTIONS "${CTVIGIL_WARNINGS};-fno-omit-frame-pointer;-fstack-protector-strong;-ffunction-sections;-fdata-sections")

  set(map ${CMAKE_SOURCE_DIR}/lib/libctvigil-parser.map)
  add_library(ctvigil_parser_shared SHARED $<TARGET_OBJECTS:ctvigil_parser_objects>)
  set_target_properties(ctvigil_parser_shared PROPERTIES
    OUTPUT_NAME ctvigil-parser
    VERSION ${PARSER_SOVERSION}.${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    SOVERSION ${PARSER_SOVERSION}
    LINKER_LANGUAGE C
    LINK_DEPENDS ${map}
    LINK_OPTIONS "-Wl,--gc-sections;-Wl,-z,defs;-Wl,-z,relro,-z,now;-Wl,--version-script=${map}")

  # One object whose only global symbols are the public ones, so that no name inside can meet one of the program's.
  set(archive ${CMAKE_BINARY_DIR}/libctvigil-parser.a)
  set(whole ${CMAKE_BINARY_DIR}/ctvigil-parser.o)
  add_custom_command(
    OUTPUT ${archive}
    COMMAND ${CMAKE_LINKER} -r --gc-sections --gc-keep-exported -o ${whole} $<TARGET_OBJECTS:ctvigil_parser_objects>
    COMMAND ${CMAKE_OBJCOPY} --wildcard "--keep-global-symbol=ctvigil_*" --strip-unneeded ${whole}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${CMAKE_AR} rcs ${archive} ${whole}
    DEPENDS ctvigil_parser_objects $<TARGET_OBJECTS:ctvigil_parser_objects>
    COMMAND_EXPAND_LISTS
    VERBATIM)
  add_custom_target(ctvigil_parser_static ALL DEPENDS ${archive})

  file(RELATIVE_PATH PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" PC_UP ${PC_UP})
  configure_file(${CMAKE_SOURCE_DIR}/lib/libctvigil-parser.pc.in ${CMAKE_BINARY_DIR}/libctvigil-parser.pc @ONLY)

  install(TARGETS ctvigil_parser_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT parser
    NAMELINK_COMPONENT parser)
  install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT parser)
  install(FILES ${CMAKE_BINARY_DIR}/libctvigil-parser.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT parser)
  install(FILES ${CMAKE_SOURCE_DIR}/lib/ctvigil/parser.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ctvigil COMPONENT parser)
endfunction()
