# e2e_test: the program as a user runs it, on packages of the tiny model (label `e2e`). A fixture
# builds the packages once, with the program itself.
set(e2e_packages ${CMAKE_BINARY_DIR}/e2e-packages)
set(tiny_checkpoint ${CMAKE_SOURCE_DIR}/models/tiny-gemma4/checkpoint)
add_test(NAME e2e_packages.clean COMMAND ${CMAKE_COMMAND} -E rm -rf ${e2e_packages})
set_tests_properties(e2e_packages.clean PROPERTIES FIXTURES_SETUP e2e_clean LABELS e2e)
foreach(recipe cpu-fp32 cpu-int4)
  add_test(NAME e2e_packages.${recipe}
    COMMAND lapidary build ${tiny_checkpoint} --recipe ${recipe} -o ${e2e_packages}/${recipe})
  set_tests_properties(e2e_packages.${recipe} PROPERTIES
    FIXTURES_REQUIRED e2e_clean FIXTURES_SETUP e2e_packages LABELS e2e)
endforeach()

file(GLOB e2e_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/e2e/*.cc)
add_executable(e2e_test ${e2e_sources})
add_dependencies(e2e_test lapidary)
target_link_libraries(e2e_test PRIVATE lapidary_eval lapidary_warnings GTest::gmock_main)
target_include_directories(e2e_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_compile_definitions(e2e_test PRIVATE
  LAPIDARY_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
  LAPIDARY_PROGRAM="$<TARGET_FILE:lapidary>"
  LAPIDARY_PACKAGES="${e2e_packages}")
gtest_discover_tests(e2e_test PROPERTIES
  LABELS e2e FIXTURES_REQUIRED e2e_packages DISCOVERY_TIMEOUT 60)
