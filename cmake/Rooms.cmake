# lapidary_room(NAME [DEPS room...] [LIBS target...] [ALONE pattern...])
#
# One folder of src/, with its wings (folders inside), as a static library `lapidary_NAME`, and its *_test.cc files as one test
# program `NAME_test`, registered with ctest under the label `unit:NAME`. With
# The library's files are compiled several at a time (LAPIDARY_UNITY, on in the presets for whole
# builds), so names in their anonymous namespaces are the room's; files that match a pattern of ALONE
# are tables with words of their own, and compiled alone. With
# LAPIDARY_FUZZERS each X_fuzz.cc becomes a libFuzzer program `NAME_X_fuzz`, a part of target `fuzzers`.
function(lapidary_room name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;ALONE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$") # a program's, which it adds itself
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_(test|fuzz)|/main)\\.cc$")
  list(TRANSFORM ARG_DEPS PREPEND lapidary_)
  foreach(pattern IN LISTS ARG_ALONE)
    set(alone ${sources})
    list(FILTER alone INCLUDE REGEX "/${pattern}\\.cc$")
    set_source_files_properties(${alone} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endforeach()

  if(sources)
    add_library(lapidary_${name} STATIC ${sources})
    set_target_properties(lapidary_${name} PROPERTIES
      UNITY_BUILD ${LAPIDARY_UNITY} UNITY_BUILD_BATCH_SIZE 12)
    set(scope PUBLIC)
    target_link_libraries(lapidary_${name} PRIVATE lapidary_warnings)
  else()
    add_library(lapidary_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(lapidary_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(lapidary_${name} ${scope} ${ARG_DEPS} ${ARG_LIBS})

  if(LAPIDARY_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE
      lapidary_${name} lapidary_warnings GTest::gmock_main)
    gtest_discover_tests(${name}_test
      PROPERTIES LABELS unit:${name} DISCOVERY_TIMEOUT 60)
  endif()

  if(LAPIDARY_FUZZERS)
    lapidary_fuzzers(${name})
  endif()
endfunction()

function(lapidary_fuzzers room)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/*_fuzz.cc)
  foreach(source IN LISTS fuzzers)
    get_filename_component(stem ${source} NAME_WE)
    set(fuzzer ${room}_${stem})
    add_executable(${fuzzer} ${source})
    target_link_libraries(${fuzzer} PRIVATE lapidary_${room} lapidary_warnings)
    target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${fuzzer})
  endforeach()
endfunction()

if(LAPIDARY_FUZZERS)
  add_custom_target(fuzzers)
  # Coverage counters in every room. The sources are kept warning-free for GCC; clang's set differs.
  target_compile_options(lapidary_warnings INTERFACE -fsanitize=fuzzer-no-link -Wno-error)
endif()
