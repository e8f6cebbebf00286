# static_quantization_test: calibration and quantization on ONNX Runtime's CPU (label `golden`).
add_executable(static_quantization_test static_quantization_test.cc)
target_link_libraries(static_quantization_test PRIVATE
  lapidary_calibration lapidary_passes lapidary_gemma4 lapidary_warnings GTest::gmock_main)
target_include_directories(static_quantization_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
gtest_discover_tests(static_quantization_test PROPERTIES LABELS golden DISCOVERY_TIMEOUT 60)
