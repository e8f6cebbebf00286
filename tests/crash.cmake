# Kills, failing calls and power cuts (label `crash`). scripts/test-crash runs the driver.
# The shim must be the first library of a process, and so must a sanitizer's.
if(NOT LAPIDARY_SANITIZE AND NOT LAPIDARY_FUZZERS)
  add_library(lapidary_crash_shim SHARED crash/shim.cc)
  target_link_libraries(lapidary_crash_shim PRIVATE lapidary_warnings ${CMAKE_DL_LIBS})
  target_include_directories(lapidary_crash_shim PRIVATE ${CMAKE_CURRENT_LIST_DIR})
  # Not what programs are made with (Hardening.cmake): a library is no position-independent
  # executable, and checked calls cannot be defined anew.
  set_target_properties(lapidary_crash_shim PROPERTIES
    COMPILE_OPTIONS "-fno-exceptions;-fno-rtti;-fno-threadsafe-statics;-U_FORTIFY_SOURCE"
    LINK_OPTIONS "" CXX_VISIBILITY_PRESET hidden
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

  add_library(lapidary_crash STATIC
    crash/process.cc crash/replay.cc crash/scenario.cc crash/together.cc crash/tree.cc)
  target_link_libraries(lapidary_crash PRIVATE lapidary_base lapidary_warnings PUBLIC Threads::Threads)
  target_include_directories(lapidary_crash PUBLIC
    ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_SOURCE_DIR}/src)

  add_executable(crash_driver crash/crash_driver.cc)
  target_link_libraries(crash_driver PRIVATE lapidary_crash lapidary_warnings)

  add_executable(power_test crash/power_test.cc)
  target_link_libraries(power_test PRIVATE lapidary_crash lapidary_warnings GTest::gmock_main)
  add_dependencies(power_test lapidary lapidary_crash_shim)
  add_dependencies(crash_driver lapidary lapidary_crash_shim)
  gtest_discover_tests(power_test PROPERTIES LABELS crash DISCOVERY_TIMEOUT 60)
endif()
