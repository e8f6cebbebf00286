# How the program is linked, in the build tree and installed (label `e2e`).
set(check_fortified "")
if(CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$"
    AND NOT LAPIDARY_SANITIZE AND NOT LAPIDARY_FUZZERS)
  set(check_fortified ${CMAKE_BINARY_DIR}/compile_commands.json)
endif()
add_test(NAME hardening.build_tree COMMAND
  ${CMAKE_CURRENT_LIST_DIR}/hardening.sh $<TARGET_FILE:lapidary> ${check_fortified})
add_test(NAME hardening.installed COMMAND
  ${CMAKE_CURRENT_LIST_DIR}/installed.sh ${CMAKE_COMMAND} ${CMAKE_BINARY_DIR})
set_tests_properties(hardening.build_tree hardening.installed PROPERTIES LABELS e2e)
