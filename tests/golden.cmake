# golden_test: committed checkpoints against what transformers computed (label `golden`).
add_executable(golden_test golden_file.cc built_model.cc golden_logits_test.cc golden_perplexity_test.cc
               golden_audio_encoder_test.cc golden_vision_test.cc golden_bidirectional_test.cc
               golden_shapes_test.cc golden_static_decoder_test.cc golden_calibration_test.cc
               static_decoder.cc)
target_link_libraries(golden_test PRIVATE
  lapidary_recipe lapidary_runtime lapidary_warnings GTest::gmock_main)
target_include_directories(golden_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_compile_definitions(golden_test PRIVATE LAPIDARY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
gtest_discover_tests(golden_test PROPERTIES LABELS golden DISCOVERY_TIMEOUT 60)
