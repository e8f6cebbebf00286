# lapidary_room(NAME [DEPS room...] [LIBS target...])
#
# One folder of src/ as a static library `lapidary_NAME`, and its *_test.cc files as one test
# program `NAME_test`, registered with ctest under the label `unit`.
function(lapidary_room name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz)\\.cc$")
  list(TRANSFORM ARG_DEPS PREPEND lapidary_)

  if(sources)
    add_library(lapidary_${name} STATIC ${sources})
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
    target_compile_definitions(${name}_test PRIVATE
      LAPIDARY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    gtest_discover_tests(${name}_test PROPERTIES LABELS unit DISCOVERY_TIMEOUT 60)
  endif()
endfunction()
