# surgeries_test: GraphSurgeries against Olive's, on ONNX Runtime's CPU (label `golden`).
add_executable(surgeries_test surgeries_test.cc)
target_link_libraries(surgeries_test PRIVATE
  lapidary_ort lapidary_passes lapidary_warnings GTest::gmock_main)
target_include_directories(surgeries_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
gtest_discover_tests(surgeries_test PROPERTIES LABELS golden DISCOVERY_TIMEOUT 60)
