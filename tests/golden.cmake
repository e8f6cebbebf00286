# golden_test: committed checkpoints against what transformers computed (label `golden`).
add_executable(golden_test golden_file.cc built_model.cc golden_logits_test.cc golden_perplexity_test.cc
               audio_goldens.cc golden_audio_encoder_test.cc
               golden_fixed_audio_test.cc golden_vision_test.cc golden_bidirectional_test.cc
               golden_shapes_test.cc golden_fixed_decoder_test.cc golden_calibration_test.cc
               golden_adapters_test.cc golden_forms_test.cc golden_gemma3_test.cc
               golden_kept_codes_test.cc fixed_decoder.cc
               forms/expect_form.cc forms/folders.cc forms/gguf_file.cc forms/ggml_blocks.cc
               forms/packed_weights.cc)
target_link_libraries(golden_test PRIVATE
  lapidary_build lapidary_runtime lapidary_warnings GTest::gmock_main)
target_include_directories(golden_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
gtest_discover_tests(golden_test PROPERTIES LABELS golden DISCOVERY_TIMEOUT 60)

# fixed_runtime_test: decoders over graphs of fixed lengths on ONNX Runtime's CPU (label `golden`).
add_executable(fixed_runtime_test fixed_runtime_test.cc built_model.cc fixed_decoder.cc)
target_link_libraries(fixed_runtime_test PRIVATE
  lapidary_runtime lapidary_passes lapidary_gemma4 lapidary_warnings GTest::gmock_main)
target_include_directories(fixed_runtime_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
gtest_discover_tests(fixed_runtime_test PROPERTIES LABELS golden DISCOVERY_TIMEOUT 60)

# fixed_package_test: the same from a package, also on the emulated HTP (label `htp`).
add_executable(fixed_package_test fixed_package_test.cc built_model.cc fixed_decoder.cc)
target_link_libraries(fixed_package_test PRIVATE
  lapidary_runtime lapidary_passes lapidary_gemma4 lapidary_warnings GTest::gmock)
target_include_directories(fixed_package_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
gtest_discover_tests(fixed_package_test PROPERTIES LABELS htp DISCOVERY_TIMEOUT 60)
