# convert_test: passes on ONNX files of other writers, against ONNX Runtime's CPU (label `golden`).
add_executable(convert_test convert_test.cc)
target_link_libraries(convert_test PRIVATE
  lapidary_build lapidary_warnings GTest::gmock_main)
gtest_discover_tests(convert_test PROPERTIES LABELS golden DISCOVERY_TIMEOUT 60)

# convert_names_test: the same where names are taken, and where bodies read what passes change.
add_executable(convert_names_test convert_names_test.cc)
target_link_libraries(convert_names_test PRIVATE
  lapidary_build lapidary_warnings GTest::gmock_main)
gtest_discover_tests(convert_names_test PROPERTIES LABELS golden DISCOVERY_TIMEOUT 60)
