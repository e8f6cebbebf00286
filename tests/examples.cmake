# The examples in comments, compiled and, where that is cheap, run (label `unit`);
# scripts/check-examples holds the copies in tests/examples against the comments.
add_test(NAME check_examples COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-examples)
set_tests_properties(check_examples PROPERTIES LABELS unit)

file(GLOB examples CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/examples/*.cc)
add_executable(examples_test ${examples})
# Of code that is in no library: compiled, not linked.
file(GLOB compiled_examples CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/examples/compiled/*.cc)
add_library(compiled_examples OBJECT ${compiled_examples})
add_dependencies(examples_test compiled_examples)
foreach(target IN ITEMS examples_test compiled_examples)
  target_link_libraries(${target} PRIVATE
    lapidary_cli lapidary_warnings GTest::gmock_main)
  target_include_directories(${target} PRIVATE
    ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/examples)
endforeach()
gtest_discover_tests(examples_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  PROPERTIES LABELS unit DISCOVERY_TIMEOUT 60)
