# bad_input_test: the program on everything that can be wrong (label `e2e`): one line on standard
# error, exit code 2, nothing left behind.
file(GLOB bad_input_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/bad_input/*.cc)
add_executable(bad_input_test ${bad_input_sources})
add_dependencies(bad_input_test lapidary)
find_package(ZLIB REQUIRED)  # libpng's: to make pictures that inflate
target_link_libraries(bad_input_test PRIVATE
  lapidary_package lapidary_warnings ZLIB::ZLIB GTest::gmock_main)
target_include_directories(bad_input_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_compile_definitions(bad_input_test PRIVATE
  LAPIDARY_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
  LAPIDARY_PROGRAM="$<TARGET_FILE:lapidary>"
  LAPIDARY_PACKAGES="${e2e_packages}")
gtest_discover_tests(bad_input_test PROPERTIES
  LABELS e2e FIXTURES_REQUIRED e2e_packages DISCOVERY_TIMEOUT 60)
