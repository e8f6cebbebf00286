# The program as a user runs it, on packages of the tiny model (label `e2e`). A fixture builds the
# packages once, with the program itself.
set(e2e_packages ${CMAKE_BINARY_DIR}/e2e-packages)
set(tiny_checkpoint ${CMAKE_SOURCE_DIR}/models/tiny-gemma4/checkpoint)
add_test(NAME e2e_packages.clean COMMAND ${CMAKE_COMMAND} -E rm -rf ${e2e_packages})
set_tests_properties(e2e_packages.clean PROPERTIES FIXTURES_SETUP e2e_clean LABELS e2e)
# lapidary_package(NAME RECIPE)
function(lapidary_package name recipe)
  add_test(NAME e2e_packages.${name}
    COMMAND lapidary build ${tiny_checkpoint} --recipe ${recipe} -o ${e2e_packages}/${name})
  set_tests_properties(e2e_packages.${name} PROPERTIES
    FIXTURES_REQUIRED e2e_clean FIXTURES_SETUP e2e_packages LABELS e2e)
endfunction()
lapidary_package(cpu-fp32 cpu-fp32)
lapidary_package(cpu-int4 cpu-int4)
lapidary_package(olive-cpu-int4 ${CMAKE_SOURCE_DIR}/tests/recipes/gemma4-e2b-cpu-int4.olive.json)

# NAME_test: the sources of tests/NAME and SOURCES, which run the program on those packages.
function(lapidary_program_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/${name}/*.cc)
  add_executable(${name}_test ${sources} ${ARG_SOURCES})
  add_dependencies(${name}_test lapidary)
  target_link_libraries(${name}_test PRIVATE ${ARG_LIBS} lapidary_warnings GTest::gmock_main)
  target_include_directories(${name}_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
  gtest_discover_tests(${name}_test PROPERTIES
    LABELS e2e FIXTURES_REQUIRED e2e_packages DISCOVERY_TIMEOUT 60)
endfunction()

lapidary_program_test(e2e SOURCES forms/folders.cc forms/gguf_file.cc forms/ggml_blocks.cc forms/packed_weights.cc
                      LIBS lapidary_eval)

# Everything that can be wrong: one line on standard error, exit code 2, nothing left behind.
find_package(ZLIB REQUIRED)  # libpng's: to make pictures that inflate
lapidary_program_test(bad_input SOURCES e2e/child.cc LIBS lapidary_package ZLIB::ZLIB)

# What the program writes and sends: nothing but what it was asked for.
add_test(NAME e2e.quiet COMMAND ${CMAKE_CURRENT_LIST_DIR}/quiet.sh $<TARGET_FILE:lapidary>)
set_tests_properties(e2e.quiet PROPERTIES LABELS e2e)
